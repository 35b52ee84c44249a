#include "apps/cli/command.hpp"

int main(int argc, char** argv) { return streamtube::apps::run(argc, argv); }
