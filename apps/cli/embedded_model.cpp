#include "apps/cli/embedded_model.hpp"

// The assembler copies the file's bytes into the read-only data of the program.
__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    ".global streamtube_model_begin\n"
    ".global streamtube_model_end\n"
    "streamtube_model_begin:\n"
    ".incbin \"" STREAMTUBE_EMBEDDED_MODEL
    "\"\n"
    "streamtube_model_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" {
extern const unsigned char streamtube_model_begin[] __attribute__((visibility("hidden")));
extern const unsigned char streamtube_model_end[] __attribute__((visibility("hidden")));
}

namespace streamtube::apps {

std::span<const unsigned char> embedded_model() { return {streamtube_model_begin, streamtube_model_end}; }

}  // namespace streamtube::apps
