#include "mesh_io/h5/folds.hpp"

#include <cstdint>

#include "core/error.hpp"
#include "core/sha256.hpp"

namespace streamtube::mesh_io {

namespace {

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;  // 2^64 over the golden ratio
constexpr std::size_t kMostDigits = 18;

// 2^64 times a fraction that the name stands for.
std::uint64_t fraction_of(const std::string& name) {
  const auto last = name.find_last_not_of("0123456789");
  const std::string letters = last == std::string::npos ? std::string() : name.substr(0, last + 1),
                    digits = name.substr(letters.size());
  const bool numbered =
      !digits.empty() && digits.size() <= kMostDigits && letters.find_first_of("0123456789") == std::string::npos;
  if (numbered) return kGolden * std::stoull(digits);
  return std::stoull(core::sha256(name).substr(0, 16), nullptr, 16);
}

}  // namespace

std::size_t fold_of(const std::string& name, std::size_t folds) {
  core::expect(folds > 0, "fold_of: no folds");
  // The upper half times the number of folds: its upper half is below that number.
  return static_cast<std::size_t>(((fraction_of(name) >> 32) * folds) >> 32) + 1;
}

}  // namespace streamtube::mesh_io
