#include "surrogate/model/config.hpp"

#include <cmath>

#include "core/error.hpp"

namespace streamtube::surrogate {

void check(const AbuptConfig& c, const std::string& where) {
  const auto demand = [&](bool ok, const std::string& what) {
    if (!ok) throw core::Error(core::ErrorKind::input, core::str(where, ": model configuration: ", what));
  };
  const auto within = [&](const char* name, long long value, long long low, long long high) {
    demand(value >= low && value <= high, core::str(name, " is ", value, ", must be ", low, " to ", high));
  };
  within("hidden", c.hidden, 2, 8192);
  within("heads", c.heads, 1, 256);
  demand(c.hidden % c.heads == 0, core::str("hidden (", c.hidden, ") does not divide by heads (", c.heads, ")"));
  demand(c.head_size() % 2 == 0, core::str("the head size (", c.head_size(), ") is odd; rotary embedding needs pairs"));
  within("head size", c.head_size(), 2, 512);
  within("mlp_ratio", c.mlp_ratio, 1, 64);
  within("geometry_blocks", c.geometry_blocks, 0, 256);
  within("number of physics blocks", static_cast<long long>(c.physics_blocks.size()), 0, 256);
  for (char kind : c.physics_blocks)
    demand(std::string("pscj").find(kind) != std::string::npos,
           core::str("physics block '", kind, "' is not one of p, s, c, j"));
  for (int b = 0; b < 2; ++b) {
    within("decoder_blocks", c.decoder_blocks[b], 0, 256);
    within("outputs", c.outputs[b], 1, 1024);
  }
  demand(std::isfinite(c.radius) && c.radius > 0, core::str("radius is ", c.radius, ", must be positive"));
  within("max_degree", c.max_degree, 1, 256);
  within("condition", c.condition, 0, 4096);
  demand(std::isfinite(c.wavelength) && c.wavelength > 1, core::str("wavelength is ", c.wavelength, ", must exceed 1"));
  demand(std::isfinite(c.norm_eps) && c.norm_eps > 0, core::str("norm_eps is ", c.norm_eps, ", must be positive"));
}

std::string describe(const AbuptConfig& c) {
  return core::str("AB-UPT ", c.hidden, "/", c.heads, ", geometry blocks ", c.geometry_blocks, ", physics blocks ",
                   c.physics_blocks, ", decoder blocks ", c.decoder_blocks[0], " + ", c.decoder_blocks[1], ", radius ",
                   c.radius, ", ", c.message == Message::relative ? "relative" : "absolute", " messages",
                   c.condition ? core::str(", condition of ", c.condition) : std::string(),
                   c.normals ? ", normals" : "", c.wall_distance ? ", wall distance" : "");
}

}  // namespace streamtube::surrogate
