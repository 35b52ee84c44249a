#include "apps/cli/model.hpp"

#include <cstdlib>
#include <iostream>
#include <sstream>

#include "apps/cli/embedded_model.hpp"
#include "core/error.hpp"
#include "core/log.hpp"

namespace streamtube::apps {

using core::str;

surrogate::Checkpoint load_model(const std::string& path) {
  if (!path.empty()) return surrogate::read_checkpoint(path);
  if (const char* own = std::getenv(kModelVariable); own && *own) {
    try {
      return surrogate::read_checkpoint(own);
    } catch (const core::Error& error) {
      throw core::Error(error.kind(), str(kModelVariable, ": ", error.message()),
                        str("unset ", kModelVariable, " to use the built-in model"));
    }
  }
  return surrogate::read_checkpoint(embedded_model(), embedded_model_name);
}

surrogate::Checkpoint member_of(surrogate::Checkpoint model, std::size_t member, const std::string& name) {
  if (member > model.members())
    throw core::Error(core::ErrorKind::usage, str("--member ", member, ": '", name, "' has ", model.members(),
                                                  model.members() == 1 ? " member" : " members"));
  return member > 0 ? model.member(member - 1) : model;
}

void warn_if_poor(const surrogate::Checkpoint& model) {
  if (surrogate::is_poor(model))
    core::warn(str("the model '", model.name, "' is poor: ", surrogate::errors_text(model)));
}

std::string model_source(const std::string& path) {
  if (!path.empty()) return path;
  const char* own = std::getenv(kModelVariable);
  return own && *own ? own : "the built-in model";
}

const surrogate::Range* range_of(const surrogate::Checkpoint& model, const char* quantity) {
  for (const auto& range : model.training_range)
    if (range.quantity == quantity) return &range;
  return nullptr;
}

std::string span_text(const surrogate::Range& range) {
  std::ostringstream out;
  out.precision(4);
  out << range.min;
  if (range.max > range.min) out << ".." << range.max;
  return out.str() + " m";
}

namespace {

// Axes, ground, where the model's bodies stand and how long they are; a line each.
std::string conventions_text(const surrogate::Checkpoint& model) {
  std::string out = "  conventions    flow along +x, up is +z, metres";
  if (const auto* range = range_of(model, "ground_clearance"))
    out += str(", ground at z = ", model.domain.low[2], " m, lowest point at z = ", span_text(*range));
  out += '\n';
  std::string where;
  if (const auto* range = range_of(model, "length")) where += str(", ", span_text(*range), " long");
  if (const auto* range = range_of(model, "front_x")) where += str(", nose at x = ", span_text(*range));
  if (const auto* range = range_of(model, "center_y")) where += str(", middle at y = ", span_text(*range));
  if (!where.empty()) out += str("  its bodies     ", where.substr(2), "\n");
  return out;
}

}  // namespace

void print_model(const surrogate::Checkpoint& checkpoint, bool json) {
  std::cout << (json ? surrogate::summary_json(checkpoint) + "\n"
                     : surrogate::summary_text(checkpoint) + conventions_text(checkpoint));
}

}  // namespace streamtube::apps
