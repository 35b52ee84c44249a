// Writes data_samples/geometries/ahmed_25deg.step: write_ahmed_step FILE

#include <exception>
#include <iostream>

#include "tests/support/cad_shapes.hpp"

int main(int argc, char** argv) {
  try {
    if (argc != 2) throw std::invalid_argument("usage: write_ahmed_step FILE");
    streamtube::test::write_ahmed(argv[1], streamtube::test::CadFormat::step);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
