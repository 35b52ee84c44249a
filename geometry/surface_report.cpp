#include "geometry/surface_report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "geometry/distance.hpp"
#include "geometry/polygons.hpp"
#include "geometry/self_intersections.hpp"
#include "geometry/topology.hpp"

namespace streamtube::geometry {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

// Faces in groups, and for each face whether it must be turned over to run like the first one of its group.
class OrientedGroups {
 public:
  explicit OrientedGroups(std::size_t n) : parent_(n), turned_(n, 0) {
    std::iota(parent_.begin(), parent_.end(), Id{0});
  }

  // The group's representative; `turned` is of f relative to it.
  Id find(Id f, bool& turned) {
    Id root = f;
    bool parity = false;
    while (parent_[root] != root) {
      parity = parity != static_cast<bool>(turned_[root]);
      root = parent_[root];
    }
    turned = parity;
    while (parent_[f] != root && f != root) {  // shorten the path
      const Id up = parent_[f];
      const bool above = parity != static_cast<bool>(turned_[f]);
      parent_[f] = root;
      turned_[f] = parity;
      parity = above;
      f = up;
    }
    return root;
  }
  Id find(Id f) {
    bool unused;
    return find(f, unused);
  }
  // False if the two are in one group already and disagree.
  bool join(Id a, Id b, bool opposite) {
    bool turned_a, turned_b;
    const Id root_a = find(a, turned_a), root_b = find(b, turned_b);
    const bool needed = (turned_a != turned_b) != opposite;
    if (root_a == root_b) return !needed;
    parent_[std::max(root_a, root_b)] = std::min(root_a, root_b);
    turned_[std::max(root_a, root_b)] = needed;
    return true;
  }

 private:
  std::vector<Id> parent_;
  std::vector<char> turned_;
};

// Integrals over a group of faces.
struct Piece {
  double area = 0, volume_about_reference = 0;
  Vec3 area_vector{0, 0, 0};
  Box box;
  bool has_border = false;  // an edge that is not shared by exactly two of its faces
  std::size_t faces = 0;

  // cut: the triangles of polygon f.
  void add(const SurfaceMesh& mesh, std::size_t f, const std::vector<std::array<int, 3>>& cut, const Vec3& reference,
           double sign = 1) {
    const Vec3 a = mesh.area_vector(f);
    area += norm(a);
    area_vector = area_vector + sign * a;
    for (std::size_t i = 0; i < mesh.corner_count(f); ++i) box.add(mesh.corner(f, i));
    // Divergence theorem over the triangles, exact for bent polygons too.
    for (const auto& t : cut) {
      const auto at = [&](int i) { return mesh.corner(f, static_cast<std::size_t>(t[i])) - reference; };
      volume_about_reference += sign * dot(at(0), cross(at(1), at(2))) / 6;
    }
    ++faces;
  }
  // About the middle of its own box: the choice matters only for open pieces, and there it is the fairest.
  double volume(const Vec3& reference) const {
    const Vec3 center = 0.5 * (box.low + box.high);
    return volume_about_reference - dot(center - reference, area_vector) / 3;
  }
};

Vec3 middle(const Box& box) { return 0.5 * (box.low + box.high); }
double longest(const Box& box) {
  const Vec3 size = box.size();
  return std::max({size[0], size[1], size[2]});
}

bool lies_within(const Box& inner, const Box& outer) {
  return outer.contains(inner.low) && outer.contains(inner.high) && longest(outer) > longest(inner);
}

std::string place_of(const SurfaceMesh& mesh, std::size_t f) {
  const Vec3 at = mesh.centroid(f);
  return str("face ", f, " of '", mesh.patch_names[static_cast<std::size_t>(mesh.patch[f])], "', ",
             mesh.corner_count(f), " corners around (", at[0], ", ", at[1], ", ", at[2], ") m");
}

// A triangle that is this much thinner than long has no normal worth the name (and floats cannot describe it).
bool is_degenerate(const SurfaceMesh& mesh, std::size_t f) {
  double longest_squared = 0;
  const std::size_t n = mesh.corner_count(f);
  for (std::size_t i = 0; i < n; ++i) {
    const Vec3 side = mesh.corner(f, i + 1 == n ? 0 : i + 1) - mesh.corner(f, i);
    longest_squared = std::max(longest_squared, dot(side, side));
  }
  return norm(mesh.area_vector(f)) <= 1e-10 * longest_squared;
}

std::size_t count_duplicates(const Topology& topology, std::vector<char>& duplicate) {
  // Candidates by a hash that does not depend on the order of the corners, then by the sorted corners themselves.
  std::vector<std::pair<std::uint64_t, Id>> keys;
  keys.reserve(topology.face_count());
  for (std::size_t f = 0; f < topology.face_count(); ++f) {
    std::uint64_t hash = 0;
    for (const Id v : topology.ring(f)) {
      std::uint64_t h = (v + 0x632be59bd9b4e019ULL) * 0x9e3779b97f4a7c15ULL;
      h = (h ^ h >> 31) * 0xbf58476d1ce4e5b9ULL;
      hash += h ^ h >> 27;
    }
    if (!topology.ring(f).empty()) keys.emplace_back(hash, static_cast<Id>(f));
  }
  std::sort(keys.begin(), keys.end());
  std::size_t count = 0;
  duplicate.assign(topology.face_count(), 0);
  const auto sorted_ring = [&](Id f) {
    std::vector<Id> corners(topology.ring(f).begin(), topology.ring(f).end());
    std::sort(corners.begin(), corners.end());
    return corners;
  };
  for (std::size_t i = 0; i < keys.size();) {
    std::size_t end = i + 1;
    while (end < keys.size() && keys[end].first == keys[i].first) ++end;
    if (end - i > 1) {
      std::vector<std::vector<Id>> seen;
      for (; i < end; ++i) {
        std::vector<Id> corners = sorted_ring(keys[i].second);
        if (std::find(seen.begin(), seen.end(), corners) == seen.end()) {
          seen.push_back(std::move(corners));
        } else {
          duplicate[keys[i].second] = 1;
          ++count;
        }
      }
    }
    i = end;
  }
  return count;
}

double metres(const std::string& unit) {
  return unit == "mm" ? 1e-3 : unit == "cm" ? 1e-2 : unit == "in" ? 0.0254 : unit == "ft" ? 0.3048 : 1.0;
}

std::string counted(std::size_t n, const char* one, const char* many) { return str(n, " ", n == 1 ? one : many); }

void turn_over(SurfaceMesh& mesh, std::size_t f) {
  // The first corner stays, so that the fan of the face does.
  std::reverse(mesh.corners.begin() + mesh.offsets[f] + 1, mesh.corners.begin() + mesh.offsets[f + 1]);
}

}  // namespace

// The unit in which the file's numbers make a road vehicle or its wind-tunnel model. Up to 50 they may be metres (a
// truck with its trailer is 25 m). From 800 they are millimetres (0.8 m model to 50 m train). Between the two, 250-800
// is a car in centimetres (2.5-8 m), 100-250 a car in inches (2.5-6.4 m), and 50-100 a model of 0.5-1 m in centimetres.
std::string likely_unit(double size_in_file_units) {
  if (size_in_file_units <= 50) return "m";
  if (size_in_file_units >= 800) return "mm";
  return size_in_file_units >= 100 && size_in_file_units < 250 ? "in" : "cm";
}

Orientation orient(SurfaceMesh& mesh) {
  const Topology topology(mesh);
  const std::size_t faces = mesh.face_count();
  Orientation done;

  // Faces agree across an edge when they run along it in opposite ways. Edges of three or more faces say nothing.
  OrientedGroups groups(faces);
  std::vector<char> at_border(faces, 0);
  topology.for_edges([&](Id, std::span<const Topology::Use> uses) {
    if (uses.size() == 2) {
      if (!groups.join(uses[0].face, uses[1].face, uses[0].descending == uses[1].descending)) ++done.conflicts;
    } else {
      for (const auto& use : uses) at_border[use.face] = 1;
    }
  });

  // Within each piece the smaller area gives way.
  const Vec3 reference = middle(mesh.bounds());
  std::vector<Id> root(faces);
  std::vector<char> turned(faces);
  std::vector<double> balance(faces, 0);  // [root] area that stays minus area that turns
  for (std::size_t f = 0; f < faces; ++f) {
    bool turn;
    root[f] = groups.find(static_cast<Id>(f), turn);
    turned[f] = turn;
    balance[root[f]] += (turn ? -1 : 1) * norm(mesh.area_vector(f));
  }
  std::vector<Id> number(faces, 0);  // [root] of its piece
  std::vector<std::array<int, 3>> cut;
  std::vector<Piece> pieces;
  for (std::size_t f = 0; f < faces; ++f) {
    if (root[f] == f) {
      number[f] = static_cast<Id>(pieces.size());
      pieces.emplace_back();
    }
    if ((turned[f] != 0) != (balance[root[f]] < 0)) {
      turn_over(mesh, f);
      ++done.faces;
    }
    cut_polygon(mesh, f, cut);
    Piece& piece = pieces[number[root[f]]];
    piece.add(mesh, f, cut, reference);
    piece.has_border = piece.has_border || at_border[f];
  }

  // Which pieces are inside out. A closed one: by its volume. The main body also when it is nearly closed (small holes,
  // an edge touching another part): its area vectors then still add up to almost nothing. Other open pieces may well be
  // hollow.
  const auto main = static_cast<std::size_t>(
      std::max_element(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.area < b.area; }) -
      pieces.begin());
  std::vector<char> inverted(pieces.size(), 0), nested(pieces.size(), 0);
  bool any_nested = false;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Piece& p = pieces[i];
    const double volume = p.volume(reference);
    const bool nearly_closed = norm(p.area_vector) < 0.02 * p.area && -volume > 0.01 * std::pow(p.area, 1.5);
    inverted[i] = volume < 0 && p.faces >= 4 && (!p.has_border || (i == main && nearly_closed));
    if (!inverted[i] || p.has_border) continue;
    for (std::size_t j = 0; j < pieces.size() && !nested[i]; ++j) {
      nested[i] = j != i && lies_within(p.box, pieces[j].box);
    }
    any_nested = any_nested || nested[i];
  }
  if (any_nested) {
    // An inner shell that looks into a cavity is right as it is.
    SurfaceMesh others;
    others.points = mesh.points;
    others.offsets.push_back(0);
    std::vector<std::int64_t> a_point(pieces.size(), 0);
    for (std::size_t f = 0; f < faces; ++f) {
      const Id piece = number[root[f]];
      a_point[piece] = mesh.corners[mesh.offsets[f]];
      if (nested[piece]) continue;
      others.corners.insert(others.corners.end(), mesh.corners.begin() + mesh.offsets[f],
                            mesh.corners.begin() + mesh.offsets[f + 1]);
      others.offsets.push_back(static_cast<std::int64_t>(others.corners.size()));
    }
    const DistanceField field(others);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (!nested[i] || !field.inside(mesh.points[a_point[i]])) continue;
      inverted[i] = 0;
      ++done.cavities;
    }
  }
  for (std::size_t f = 0; f < faces; ++f) {
    if (inverted[number[root[f]]]) turn_over(mesh, f);
  }
  done.pieces = static_cast<std::size_t>(std::count(inverted.begin(), inverted.end(), char{1}));
  return done;
}

SurfaceReport report(const SurfaceMesh& mesh, bool find_self_intersections) {
  SurfaceReport r;
  const std::size_t faces = mesh.face_count();
  r.points = mesh.points.size();
  r.faces = faces;
  r.triangles = mesh.corners.size() - 2 * faces;
  r.patches = mesh.patch_names.size();
  r.bounds = mesh.bounds();
  r.likely_unit = likely_unit(longest(r.bounds) / mesh.file_unit);

  const Topology topology(mesh);
  r.merged_points = topology.vertex_count();
  OrientedGroups groups(faces);
  std::vector<char> at_border(faces, 0);
  topology.for_edges([&](Id, std::span<const Topology::Use> uses) {
    if (uses.size() == 1) ++r.boundary_edges;
    if (uses.size() == 2 && uses[0].descending == uses[1].descending) ++r.inconsistent_edges;
    if (uses.size() > 2) ++r.non_manifold_edges;
    for (std::size_t i = 1; i < uses.size(); ++i) groups.join(uses[0].face, uses[i].face, false);
    if (uses.size() != 2) at_border[uses[0].face] = 1;
  });
  core::check_interrupt();

  const Vec3 reference = middle(r.bounds);
  std::vector<Id> number(faces, 0);
  std::vector<Piece> pieces;
  Piece whole;
  std::vector<std::array<int, 3>> cut;
  for (std::size_t f = 0; f < faces; ++f) {
    const bool simple = cut_polygon(mesh, f, cut);
    whole.add(mesh, f, cut, reference);
    if (topology.ring(f).empty()) {
      ++r.degenerate_faces;
      continue;
    }
    if (is_degenerate(mesh, f))
      ++r.degenerate_faces;
    else if (!simple && ++r.crossing_polygons == 1)
      r.first_crossing = place_of(mesh, f);
    const Id root = groups.find(static_cast<Id>(f));
    if (root == f) {
      number[f] = static_cast<Id>(pieces.size());
      pieces.emplace_back();
    }
    Piece& piece = pieces[number[root]];
    piece.add(mesh, f, cut, reference);
    piece.has_border = piece.has_border || at_border[f];
  }
  r.components = pieces.size();
  r.area = whole.area;
  r.volume = whole.volume_about_reference;
  for (const Piece& p : pieces) {
    if (!p.has_border && p.volume(reference) < 0) ++r.inverted_components;
  }
  // Counted the slow way, of no more parts than an assembly has.
  if (pieces.size() <= 4000)
    for (const Piece& inner : pieces)
      r.nested_components += std::any_of(pieces.begin(), pieces.end(), [&](const Piece& outer) {
        return &outer != &inner && lies_within(inner.box, outer.box);
      });
  r.watertight = !pieces.empty() && r.boundary_edges == 0 && r.non_manifold_edges == 0 && r.inconsistent_edges == 0;
  r.outward = r.volume > 0;

  std::vector<char> duplicate;
  r.duplicate_faces = count_duplicates(topology, duplicate);

  if (find_self_intersections) {
    std::vector<Vec3> points;
    points.reserve(topology.vertex_count());
    for (const Id p : topology.vertex_point) points.push_back(mesh.points[p]);
    std::vector<std::array<std::uint32_t, 3>> triangles;
    std::vector<std::array<int, 3>> cut;
    for (std::size_t f = 0; f < faces; ++f) {
      if (duplicate[f] || topology.ring(f).empty() || is_degenerate(mesh, f)) continue;
      const auto vertex = [&](int corner) {
        return topology
            .vertex[static_cast<std::size_t>(mesh.corners[static_cast<std::size_t>(mesh.offsets[f] + corner)])];
      };
      cut_polygon(mesh, f, cut);
      for (const auto& t : cut) triangles.push_back({vertex(t[0]), vertex(t[1]), vertex(t[2])});
    }
    r.self_intersections = count_self_intersections(points, triangles);
    r.cuts_undecided = !r.self_intersections;
  }
  return r;
}

std::string to_text(const SurfaceReport& r, const std::string& indent) {
  std::string out;
  const auto line = [&](const auto&... parts) { out += indent + str(parts...) + "\n"; };
  line(counted(r.faces, "face", "faces"), " (", counted(r.triangles, "triangle", "triangles"), "), ",
       counted(r.points, "point", "points"), ", ", r.merged_points, " of them different");
  line(counted(r.patches, "patch", "patches"), ", ", counted(r.components, "connected part", "connected parts"));
  if (!r.bounds.empty()) {
    line("x ", r.bounds.low[0], " to ", r.bounds.high[0], " m, y ", r.bounds.low[1], " to ", r.bounds.high[1], " m, z ",
         r.bounds.low[2], " to ", r.bounds.high[2], " m");
  }
  line("area ", r.area, " m2");
  if (r.watertight) {
    line("watertight, ", r.outward ? "normals outward" : "normals inward (inside out)", ", volume ", r.volume, " m3");
  } else {
    line("not watertight: ", counted(r.boundary_edges, "open edge", "open edges"), ", ",
         counted(r.non_manifold_edges, "edge", "edges"), " of three or more faces, ",
         counted(r.inconsistent_edges, "edge", "edges"), " between faces that look opposite ways");
  }
  if (r.inverted_components > 0 && r.components > 1) {
    line(counted(r.inverted_components, "closed part", "closed parts"), " inside out (or cavities)");
  }
  if (r.degenerate_faces > 0) line(counted(r.degenerate_faces, "face", "faces"), " without area");
  if (r.duplicate_faces > 0) line(counted(r.duplicate_faces, "face", "faces"), " given twice");
  if (r.crossing_polygons > 0)
    line(counted(r.crossing_polygons, "polygon", "polygons"), " with an outline that cuts itself (", r.first_crossing,
         ")");
  if (r.self_intersections) {
    line(*r.self_intersections, *r.self_intersections == 1 ? " pair" : " pairs", " of faces cut each other");
  }
  if (!r.likely_unit.empty()) line("the numbers look like ", r.likely_unit);
  return out;
}

std::string coarse_numbers_text(const SurfaceMesh& mesh) {
  double farthest = 0;
  bool single = true;
  for (const Vec3& p : mesh.points)
    for (const double x : p) {
      farthest = std::max(farthest, std::abs(x));
      const double stored = x / mesh.file_unit;
      single = single && std::abs(stored - static_cast<double>(static_cast<float>(stored))) <= 1e-12 * std::abs(stored);
    }
  const Vec3 sides = mesh.bounds().size();
  const double step = farthest / (1 << 23);
  if (!single || step <= 1e-3 * std::max({sides[0], sides[1], sides[2]})) return {};
  return str("its coordinates are single precision and so far from the origin (", farthest,
             " m) that they go in steps of ", step,
             " m, more than a thousandth of its size: move the body to the origin before it is exported");
}

Preparation prepare(SurfaceMesh& mesh, const SurfaceReport& r, const std::string& where) {
  const auto refuse = [&](const std::string& what, const std::string& hint) {
    throw Error(ErrorKind::input, where + ": " + what, hint);
  };
  const double size = longest(r.bounds);
  if (r.faces < 4) {
    refuse(str("the surface has ", counted(r.faces, "face", "faces"), ", a body needs at least 4"),
           "give the whole surface of the body");
  }
  if (!(size >= 1e-6 && size <= 1e6)) {
    refuse(str("the surface is ", std::max(size, 0.0), " m large, sizes from 1e-6 to 1e6 m can be treated"),
           str("check the file and its unit; one unit of the file counts as ", mesh.file_unit, " m"));
  }
  if (r.degenerate_faces == r.faces || !(r.area > 0)) {
    refuse(str("no face has an area (", r.faces, " faces, total area ", r.area, " m2)"),
           "the surface is collapsed to lines or points; export it again");
  }

  Preparation done;
  const auto warn = [&](const auto&... parts) { done.warnings.push_back(str(parts...)); };

  const double unit = metres(r.likely_unit);
  if (!mesh.unit_stated && std::abs(unit / mesh.file_unit - 1) > 0.01 && (size > 50 || r.likely_unit != "m")) {
    warn("the body is ", size, " m long if one unit of the file is ", mesh.file_unit, " m; its numbers look like ",
         r.likely_unit, " (it would be ", size / mesh.file_unit * unit, " m): give the file's unit");
  } else if (size < 0.05) {
    warn("the body is only ", size, " m long: check the file's unit");
  }

  if (r.inconsistent_edges > 0 || r.inverted_components > 0 || r.volume < 0) {
    const Orientation o = orient(mesh);
    done.turned_faces = o.faces;
    done.flipped = o.pieces > 0;
    done.conflicts = o.conflicts;
    if (o.faces > 0) {
      warn(counted(o.faces, "face", "faces"), " looked the opposite way of the neighbours and ",
           o.faces == 1 ? "was" : "were", " turned");
    }
    if (o.pieces > 0 && r.components == 1) {
      warn("the body was inside out (normals inward) and was turned");
    } else if (o.pieces > 0) {
      warn(counted(o.pieces, "part was", "parts were"), " inside out (normals inward) and turned");
    }
    if (o.cavities > 0) {
      warn(counted(o.cavities, "closed part lies", "closed parts lie"),
           " inside another and faces a cavity: no flow reaches it, its fields mean nothing");
    }
    if (o.conflicts > 0) {
      warn("at ", counted(o.conflicts, "edge", "edges"),
           " no orientation fits (a one-sided surface): normals and forces there mean nothing");
    }
  }
  const auto defect = [&](const auto&... parts) { done.defects.push_back(str(parts...)); };
  if (r.boundary_edges > 0) {
    defect("the surface is open (", counted(r.boundary_edges, "edge", "edges"),
           " of one face only): fields near the holes are unsure, and forces miss what the missing area would carry");
  }
  if (r.non_manifold_edges > 0) {
    defect(
        counted(r.non_manifold_edges, "edge is", "edges are"),
        " shared by three or more faces: inner walls or overlapping parts count in the forces as if air reached them");
  }
  if (r.duplicate_faces > 0) {
    defect(counted(r.duplicate_faces, "face is", "faces are"), " given twice and ",
           r.duplicate_faces == 1 ? "counts" : "count", " twice in areas and forces");
  }
  if (r.crossing_polygons > 0) {
    warn("the outline of ", counted(r.crossing_polygons, "polygon", "polygons"), " cuts itself (",
         r.crossing_polygons > 1 ? "the first: " : "", r.first_crossing,
         "): what such a face covers is a guess; cut it into triangles where it was drawn");
  }
  if (r.degenerate_faces > 0) {
    warn(counted(r.degenerate_faces, "face has", "faces have"), " no area: kept, without effect on forces");
  }
  if (r.cuts_undecided) defect("whether faces cut each other could not be decided");
  if (r.self_intersections.value_or(0) > 0) {
    defect(*r.self_intersections, *r.self_intersections == 1 ? " pair" : " pairs",
           " of faces cut each other: what lies inside the body counts in the forces as if air reached it");
  }
  return done;
}

}  // namespace streamtube::geometry
