#!/usr/bin/env python3
"""Writes the catalogue of geometry files that engineers and file systems come up with on bad days.

    make.py FOLDER [--cad]     writes the files and FOLDER/catalogue.json; --cad: STEP and IGES among them

Every entry says what the program has to do with the file: the exit code, and a pattern (regular expression, any case) that
its message has to match. Plain Python, no modules beyond the standard library.
"""
import json
import math
import os
import struct
import sys


def box(low, high):
    """12 triangles, outward."""
    corner = [[(low, high)[i >> a & 1][a] for a in range(3)] for i in range(8)]
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    return [[corner[q[0]], corner[q[i]], corner[q[i + 1]]] for q in quads for i in (1, 2)]


# Where the built-in model expects a body, about as large.
BODY = ((0.0, -0.19, 0.05), (1.03, 0.19, 0.33))


def scaled(triangles, factor):
    return [[[factor * x for x in p] for p in t] for t in triangles]


def moved(triangles, by):
    return [[[x + b for x, b in zip(p, by)] for p in t] for t in triangles]


def flipped(triangles):
    return [[t[0], t[2], t[1]] for t in triangles]


def binary_stl(triangles, count=None, header=b"binary"):
    data = header.ljust(80, b"\0") + struct.pack("<I", len(triangles) if count is None else count)
    for t in triangles:
        data += struct.pack("<12f", 0, 0, 0, *[x for p in t for x in p]) + b"\0\0"
    return data


def ascii_stl(triangles, name="body"):
    text = f"solid {name}\n"
    for t in triangles:
        text += " facet normal 0 0 0\n  outer loop\n"
        text += "".join("   vertex %.9g %.9g %.9g\n" % tuple(p) for p in t)
        text += "  endloop\n endfacet\n"
    return (text + f"endsolid {name}\n").encode()


def indexed(triangles):
    points, at, faces = [], {}, []
    for t in triangles:
        face = []
        for p in t:
            key = tuple(p)
            if key not in at:
                at[key] = len(points)
                points.append(key)
            face.append(at[key])
        faces.append(face)
    return points, faces


def obj(triangles, faces=None, points=None):
    own_points, own_faces = indexed(triangles)
    lines = ["v %.9g %.9g %.9g" % tuple(p) for p in (points or own_points)]
    lines += ["f " + " ".join(str(i) for i in f) for f in (faces or [[i + 1 for i in f] for f in own_faces])]
    return ("\n".join(lines) + "\n").encode()


def ply_header(vertices, faces, form="ascii", properties="property float x\nproperty float y\nproperty float z\n",
               face_list="property list uchar int vertex_indices\n"):
    return (f"ply\nformat {form} 1.0\nelement vertex {vertices}\n{properties}element face {faces}\n{face_list}"
            "end_header\n").encode()


def ply(triangles, form="ascii", vertices=None, count=None, first_face=None, first_point=None):
    points, faces = indexed(triangles)
    if first_point:
        points[0] = first_point
    if first_face:
        faces[0] = first_face
    head = ply_header(len(points) if vertices is None else vertices, len(faces) if count is None else count, form)
    if form == "ascii":
        body = "".join("%.9g %.9g %.9g\n" % tuple(p) for p in points)
        body += "".join(f"{len(f)} " + " ".join(map(str, f)) + "\n" for f in faces)
        return head + body.encode()
    body = b"".join(struct.pack("<3f", *p) for p in points)
    return head + body + b"".join(struct.pack(f"<B{len(f)}i", len(f), *f) for f in faces)


def vtp(triangles, number_of_points=None, connectivity=None, kind="PolyData", coordinates=None, offsets=None):
    points, faces = indexed(triangles)
    coordinates = coordinates or " ".join("%.9g" % x for p in points for x in p)
    connectivity = connectivity or " ".join(str(i) for f in faces for i in f)
    offsets = offsets or " ".join(str(3 * (i + 1)) for i in range(len(faces)))
    cells = "Polys" if kind == "PolyData" else "Cells"
    counts = f'NumberOfPoints="{len(points) if number_of_points is None else number_of_points}" '
    counts += f'NumberOfVerts="0" NumberOfLines="0" NumberOfStrips="0" NumberOfPolys="{len(faces)}"' \
        if kind == "PolyData" else f'NumberOfCells="{len(faces)}"'
    types = "" if kind == "PolyData" else \
        f'<DataArray type="UInt8" Name="types" format="ascii">{"5 " * len(faces)}</DataArray>'
    return f"""<?xml version="1.0"?>
<VTKFile type="{kind}" version="0.1" byte_order="LittleEndian">
 <{kind}><Piece {counts}>
  <Points><DataArray type="Float32" Name="Points" NumberOfComponents="3" format="ascii">{coordinates}</DataArray></Points>
  <{cells}><DataArray type="Int64" Name="connectivity" format="ascii">{connectivity}</DataArray>
   <DataArray type="Int64" Name="offsets" format="ascii">{offsets}</DataArray>{types}</{cells}>
 </Piece></{kind}>
</VTKFile>
""".encode()


def legacy_vtk(triangles, points_said=None, polygons_said=None, first_face="3 0 1 2"):
    points, faces = indexed(triangles)
    lines = ["# vtk DataFile Version 3.0", "body", "ASCII", "DATASET POLYDATA",
             f"POINTS {len(points) if points_said is None else points_said} float"]
    lines += ["%.9g %.9g %.9g" % tuple(p) for p in points]
    lines += [f"POLYGONS {len(faces) if polygons_said is None else polygons_said} {4 * len(faces)}", first_face]
    lines += ["3 " + " ".join(map(str, f)) for f in faces[1:]]
    return ("\n".join(lines) + "\n").encode()


def step():
    """The sample body as CAD, in millimetres."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, *[os.pardir] * 3, "data_samples", "geometries", "ahmed_25deg.step"), "rb") as f:
        return f.read()


def iges_line(text, section, number):
    return f"{text:<72}{section}{number:7d}\n".encode()


def catalogue(cad):
    """(name, bytes or a callable that makes it, exit code, pattern, options); cad: also STEP and IGES"""
    body = box(*BODY)
    nan, inf = math.nan, math.inf
    damaged = lambda value: [[[value, 0, 0.1], *body[0][1:]]] + body[1:]
    refused = []

    def bad(name, data, pattern, *options):
        refused.append((name, data, 3, pattern, list(options)))

    def taken(name, data, pattern="", *options):
        refused.append((name, data, 0, pattern, list(options)))

    # STL: what is in the file
    bad("empty.stl", b"", "empty")
    bad("one_byte.stl", b"s", "one_byte")
    bad("header_only.stl", b"binary".ljust(80, b"\0"), "header|truncated|short|bytes")
    bad("no_triangles.stl", binary_stl([]), "no (faces|triangles|facets)")
    bad("truncated.stl", binary_stl(body)[:400], "truncated|bytes|expect")
    bad("count_too_large.stl", binary_stl(body[:1], count=0xFFFFFFFF), "4294967295|truncated|bytes")
    bad("nul_bytes.stl", bytes(684), "no (faces|triangles|facets)|header|bytes")
    bad("random_bytes.stl", bytes((i * 7919 + i * i * 31) % 251 for i in range(5000)), "random_bytes")
    bad("nan.stl", binary_stl(damaged(nan)), "nan|finite")
    bad("infinite.stl", binary_stl(damaged(inf)), "inf|finite")
    bad("nan_ascii.stl", ascii_stl(damaged(nan)), "nan|finite")
    bad("truncated_ascii.stl", ascii_stl(body)[:700], "line|end")
    bad("word_for_a_number.stl", ascii_stl(body).replace(b"1.03", b"wide", 1), "line \\d+")
    bad("no_triangles_ascii.stl", b"solid nothing\nendsolid nothing\n", "no (faces|triangles|facets)")
    bad("text.stl", b"Dear colleague,\nplease find the car attached.\n", "text.stl")
    bad("html.stl", b"<!DOCTYPE html><html><body>404 not found</body></html>\n" * 4, "html.stl")
    taken("binary_that_says_solid.stl", binary_stl(body, header=b"solid exported as binary"))
    # ... and what its numbers mean
    bad("no_area.stl", binary_stl([[t[0], t[0], t[0]] for t in body]), "area|degenerate")
    bad("line.stl", binary_stl([[[x * 0.1, 0, 0.1], [x * 0.1 + 0.05, 0, 0.1], [x * 0.1 + 0.1, 0, 0.1]] for x in range(8)]),
        "area|degenerate")
    bad("one_triangle.stl", binary_stl(body[:1]), "triangle|face")
    bad("coordinates_1e12.stl", binary_stl(scaled(body, 1e12)), "large|size|metres")
    bad("coordinates_1e37.stl", binary_stl(scaled(body, 1e37)), "large|size|metres|finite")
    bad("denormal.stl", binary_stl(scaled(body, 1e-40)), "area|size|large|degenerate")
    taken("millimetres.stl", binary_stl(scaled(body, 1000)), "read as mm")
    taken("inches.stl", binary_stl(scaled(body, 1 / 0.0254)), "computed 0.0258 times as large")
    taken("millimetres_said.stl", binary_stl(scaled(body, 1000)), "", "--unit", "mm")
    taken("far_away.stl", binary_stl(body + moved(body, (500, 0, 0))), "unlike those of the training data")
    taken("inside_out.stl", binary_stl(flipped(body)), "inside out|turned|inward|flipped|orient")
    taken("one_face_flipped.stl", binary_stl(flipped(body[:1]) + body[1:]), "turned|disagree|flipped|orient")
    taken("open.stl", binary_stl(body[:-2]), "open|hole|closed|watertight|border")
    taken("doubled_faces.stl", binary_stl(body + body[:3]), "duplicate|twice|double")
    taken("degenerate_among_good.stl", binary_stl(body + [[body[0][0]] * 3]), "degenerate|area")
    taken("non_manifold.stl", binary_stl(body + [[body[0][0], body[0][1], [0.5, 0.5, 0.5]]]), "manifold|hole|open|border")
    taken("two_boxes_into_each_other.stl", binary_stl(body + moved(body, (0.2, 0.05, 0.04))), "united where they touch or overlap: 2")
    inner = box((0.4, -0.05, 0.15), (0.6, 0.05, 0.2))
    bad("box_in_a_box.stl", binary_stl(body + inner), "wind tunnel is no part of the body")
    taken("hollow_box.stl", binary_stl(body + flipped(inner)))
    # OBJ
    bad("empty.obj", b"", "empty")
    bad("no_faces.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\n", "no faces|no polygons")
    bad("index_too_large.obj", obj(body, faces=[[1, 2, 99]] * 12), "99")
    bad("index_zero.obj", obj(body, faces=[[0, 1, 2]] * 12), "line \\d+|index 0|from 1")
    bad("index_too_negative.obj", obj(body, faces=[[-1, -2, -99]] * 12), "-99|line \\d+")
    bad("two_corners.obj", obj(body, faces=[[1, 2]] * 12), "corner|line \\d+")
    bad("nan.obj", obj(body, points=[(nan, 0, 0)] + indexed(body)[0][1:]), "nan|finite|line")
    bad("word_for_a_number.obj", b"v 0 0 zero\n" + obj(body), "line 1")
    bad("nul_bytes.obj", bytes(500), "nul_bytes.obj")
    bad("long_line.obj", b"v " + b"1" * 2_000_000 + b" 0 0\n" + obj(body), "line 1|finite|long")
    bad("index_overflow.obj", obj(body, faces=[[1, 2, 99999999999999999999]] * 12), "line \\d+")
    # PLY
    bad("empty.ply", b"", "empty")
    bad("no_end_of_header.ply", ply_header(8, 12).replace(b"end_header\n", b""), "end_header|header")
    bad("count_1e18.ply", ply(body, "binary_little_endian", vertices=10**18), "1000000000000000000|bytes|truncated|large")
    bad("negative_count.ply", ply(body, vertices=-8), "-8|header")
    bad("truncated.ply", ply(body, "binary_little_endian")[:-50], "truncated|end|bytes|short")
    bad("truncated_ascii.ply", ply(body)[:-30], "truncated|end|line|short")
    bad("index_too_large.ply", ply(body, first_face=[0, 1, 12345]), "12345")
    bad("nan.ply", ply(body, "binary_little_endian", first_point=(nan, 0, 0)), "nan|finite")
    bad("no_coordinates.ply", ply_header(8, 12, properties="property float red\n"), "'?x'?|coordinate|property")
    bad("unknown_format.ply", ply_header(8, 12, form="gzip"), "gzip|format")
    bad("no_faces.ply", ply(body, count=0), "no faces|no polygons")
    # VTP and legacy VTK
    bad("empty.vtp", b"", "empty")
    bad("no_xml.vtp", b"solid body\nendsolid body\n", "no_xml.vtp")
    bad("truncated.vtp", vtp(body)[:700], "truncated.vtp")
    bad("points_missing.vtp", vtp(body, number_of_points=800), "points_missing.vtp")
    bad("points_1e17.vtp", vtp(body, number_of_points=10**17), "points_1e17.vtp")
    bad("index_too_large.vtp", vtp(body, connectivity="0 1 4711 " * 12), "4711|range|index_too_large")
    bad("offsets_backwards.vtp", vtp(body, offsets="3 6 2 " * 4), "offset|corner")
    bad("nan.vtp", vtp(body, coordinates="nan " * 24), "nan|finite|number")
    bad("unstructured_in_vtp.vtp", vtp(body, kind="UnstructuredGrid"), "VTU|UnstructuredGrid")
    bad("empty.vtk", b"", "empty")
    bad("no_header.vtk", b"POINTS 3 float\n0 0 0 1 0 0 0 1 0\n", "no_header.vtk")
    bad("points_missing.vtk", legacy_vtk(body, points_said=80), "points_missing.vtk")
    bad("points_1e17.vtk", legacy_vtk(body, points_said=10**17), "points_1e17.vtk")
    bad("index_too_large.vtk", legacy_vtk(body, first_face="3 0 1 999"), "999|range|index_too_large")
    # Names and the file system
    taken("Körper mit Leerzeichen und 車.stl", binary_stl(body))
    taken("symbolic_link.stl", lambda path: os.symlink("binary_that_says_solid.stl", path))
    bad("dangling_link.stl", lambda path: os.symlink("nowhere.stl", path), "no (such )?file|exist")
    bad("link_to_itself.stl", lambda path: os.symlink("link_to_itself.stl", path), "link_to_itself.stl")
    bad("folder.stl", os.mkdir, "folder|directory")
    bad("missing.stl", lambda path: None, "no (such )?file|exist")
    taken("known_by_its_content.xyz", binary_stl(body))
    taken("no_extension", binary_stl(body))
    bad("unknown.xyz", b"P6 640 480 255\n" + bytes(900), "unknown.xyz")
    bad("stl_under_another_name.obj", binary_stl(body), "stl_under_another_name.obj")
    bad("stl_under_another_name.ply", binary_stl(body), "ply")
    bad("stl_under_another_name.vtp", binary_stl(body), "stl_under_another_name.vtp")
    if not cad:
        return refused
    # STEP and IGES
    good = step()
    head, data = good.split(b"DATA;\n")
    entity = lambda number: data[data.index(b"\n#%d = " % number) + 1:data.index(b"\n#%d = " % (number + 1))]
    taken("clean.step", good)
    bad("empty.step", b"", "empty")
    bad("truncated.step", good[:20000], "truncated")
    bad("nul_bytes.step", bytes(2000), "nul_bytes.step")
    bad("header_only.step", head + b"DATA;\nENDSEC;\nEND-ISO-10303-21;\n", "no shapes|cannot be read|holds")
    bad("no_header.step", data, "no_header.step")
    bad("text.step", b"Dear colleague,\nplease find the car attached.\n", "text.step")
    bad("stl_under_another_name.step", binary_stl(body), "stl_under_another_name.step")
    bad("curve_only.step", good.replace(entity(15), b"#15 = POLYLINE('',(#23,#25));\n"), "no (shapes|faces|surfaces)|holds")
    bad("solid_of_itself.step", good.replace(entity(16), b"#16 = CLOSED_SHELL('',(#16));\n"), "solid_of_itself.step")
    bad("entity_missing.step", good.replace(entity(16), b"#16 = CLOSED_SHELL('',(#9999,#9998));\n"), "entity_missing.step")
    bad("all_faces_missing.step", good.replace(b"ADVANCED_FACE", b"ADVANCED_FARCE"), "all_faces_missing.step")
    taken("face_missing.step", good.replace(entity(718), b"#718 = ADVANCED_FARCE('',(#719),#511,.T.);\n"), "hole|open|understood")
    bad("nan.step", good.replace(b"-94.5,238.", b"nan,nan"), "nan.step")
    bad("points_1e300.step", good.replace(b"-94.5,150.", b"-1.E+300,1.E+300"), "points_1e300.step")
    bad("number_of_100000_digits.step", good.replace(b"-94.5,238.", b"9" * 100000 + b".,1."), "number_of_100000_digits.step")
    taken("quote_never_closed.step", good.replace(b"'ahmed','ahmed'", b"'ahmed,"))
    taken("metres_by_mistake.step", good.replace(b"SI_UNIT(.MILLI.,.METRE.)", b"SI_UNIT($,.METRE.)"), "the body is 1044 m long")
    bad("empty.igs", b"", "empty")
    bad("truncated.igs", iges_line("a body", "S", 1) * 40, "truncated")
    bad("no_entities.igs", iges_line("a body", "S", 1) + iges_line("1H,,1H;,4Hbody,4Hbody,1H1,1H1,32,38,6,308,15,4Hbody,1.,2,2HMM,1,0.01,;",
        "G", 1) + iges_line("S      1G      1D      0P      0", "T", 1), "no_entities.igs")
    bad("stl_under_another_name.igs", binary_stl(body), "stl_under_another_name.igs")
    return refused


def main():
    folder, cad = sys.argv[1], "--cad" in sys.argv
    os.makedirs(folder, exist_ok=True)
    entries = []
    for name, data, code, pattern, options in catalogue(cad):
        path = os.path.join(folder, name)
        if callable(data):
            data(path)
        else:
            with open(path, "wb") as f:
                f.write(data)
        entries.append({"file": name, "exit": code, "says": pattern, "options": options})
    with open(os.path.join(folder, "catalogue.json"), "w") as f:
        json.dump(entries, f, indent=1)


if __name__ == "__main__":
    main()
