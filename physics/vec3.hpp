#pragma once
// Points and vectors of the host side, in double.

#include <array>
#include <cmath>

namespace streamtube {

using Vec3 = std::array<double, 3>;

inline Vec3 operator+(const Vec3& a, const Vec3& b) { return {a[0] + b[0], a[1] + b[1], a[2] + b[2]}; }
inline Vec3 operator-(const Vec3& a, const Vec3& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
inline Vec3 operator*(double s, const Vec3& a) { return {s * a[0], s * a[1], s * a[2]}; }
inline double dot(const Vec3& a, const Vec3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
inline Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
inline double norm(const Vec3& a) { return std::sqrt(dot(a, a)); }

// An axis-aligned box; empty (low > high) until a point is added.
struct Box {
  Vec3 low{1e300, 1e300, 1e300}, high{-1e300, -1e300, -1e300};
  void add(const Vec3& p) {
    for (int i = 0; i < 3; ++i) low[i] = p[i] < low[i] ? p[i] : low[i], high[i] = p[i] > high[i] ? p[i] : high[i];
  }
  bool empty() const { return low[0] > high[0]; }
  bool contains(const Vec3& p) const {
    for (int i = 0; i < 3; ++i)
      if (p[i] < low[i] || p[i] > high[i]) return false;
    return true;
  }
  Vec3 size() const { return empty() ? Vec3{0, 0, 0} : high - low; }
};

}  // namespace streamtube
