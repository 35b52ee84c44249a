"""Predictions for held-back Ahmed designs against their CFD.

  python ahmed_held_back.py PROGRAM DATA [--runs 5 10 15] [--out FOLDER] [--json FILE]

DATA is a folder with cases/run_<i>.h5 (CFD: surface and volume fields) and stl/run_<i>.stl; the layout is that of
data_samples/cfd_cases' origin. Each design is predicted from its STL; fields are asked for at the CFD's own face centres and
cell centres (--surface, --volume FILE), so that errors are those of the model and not of interpolation. Prints the relative
L2 error of every field and three drag coefficients: CFD, the prediction integrated over the CFD faces, the prediction
integrated over the STL. Needs numpy, h5py and vtk.
"""

import argparse
import json
import os
import pathlib
import struct
import subprocess

import h5py
import numpy
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import VTK_VERTEX, vtkUnstructuredGrid
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader, vtkXMLUnstructuredGridReader, vtkXMLUnstructuredGridWriter


# The model asked about unless STREAMTUBE_MODEL names another.
os.environ.setdefault("STREAMTUBE_MODEL", str(pathlib.Path(__file__).resolve().parents[2] / "data_samples/models/ahmed.h5"))


def faces_as_triangles(path, center, normal, area):
    """The data holds no polygons: every face becomes a triangle of the same centre, area and normal."""
    helper = numpy.where(numpy.abs(normal[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    t = numpy.cross(normal, helper)
    t /= numpy.linalg.norm(t, axis=1)[:, None]
    b = numpy.cross(normal, t)
    r = numpy.sqrt(4 * area / (3 * numpy.sqrt(3)))[:, None]
    rows = numpy.zeros(len(center), dtype=[("n", "<f4", 3), ("v", "<f4", (3, 3)), ("a", "<u2")])
    for k, angle in enumerate((0, 2 * numpy.pi / 3, 4 * numpy.pi / 3)):
        rows["v"][:, k] = center + r * (numpy.cos(angle) * t + numpy.sin(angle) * b)
    path.write_bytes(b"\0" * 80 + struct.pack("<I", len(rows)) + rows.tobytes())


def points_as_cells(path, position):
    grid, points = vtkUnstructuredGrid(), vtkPoints()
    points.SetDataTypeToDouble()
    points.SetData(numpy_to_vtk(position, deep=True))
    grid.SetPoints(points)
    grid.Allocate(len(position))
    for i in range(len(position)):
        grid.InsertNextCell(VTK_VERTEX, 1, [i])
    writer = vtkXMLUnstructuredGridWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(grid)
    writer.Write()


def read(reader, path):
    reader.SetFileName(str(path))
    reader.Update()
    data = reader.GetOutput().GetCellData()
    return {data.GetArrayName(i): vtk_to_numpy(data.GetArray(i)).astype(float) for i in range(data.GetNumberOfArrays())}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("program")
    p.add_argument("data", type=pathlib.Path)
    p.add_argument("--runs", type=int, nargs="*")
    p.add_argument("--out", type=pathlib.Path, default=pathlib.Path("held_back"))
    p.add_argument("--json", type=pathlib.Path)
    a = p.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    runs = a.runs or sorted(int(f.stem[4:]) for f in (a.data / "cases").glob("run_*.h5") if int(f.stem[4:]) % 5 == 0)

    def predict(run, out, *options):
        command = [a.program, "-q", "predict", str(a.data / "stl" / f"run_{run}.stl"), "--out", str(out), "--overwrite", "--json",
                   "--density", "1", *map(str, options)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    names = ("surface pressure", "wall shear stress", "volume pressure", "velocity", "vorticity")
    errors, drag = [], []
    for run in runs:
        with h5py.File(a.data / "cases" / f"run_{run}.h5") as f:
            s, v = ({k: d[()].astype(float) for k, d in f[g].items()} for g in ("surface", "volume"))
            cd, area = float(f.attrs["Cd"]), float(f.attrs["reference_area"])
            q = 0.5 * float(f.attrs["U_inf"]) ** 2
        faces, cells, out = a.out / f"faces_{run}.stl", a.out / f"cells_{run}.vtu", a.out / f"run_{run}"
        faces_as_triangles(faces, s["position"], s["normal"], s["area"])
        points_as_cells(cells, v["position"])
        on_faces = predict(run, out, "--surface", faces, "--volume", cells)
        on_stl = predict(run, a.out / f"run_{run}_stl", "--volume", "none")
        surface, volume = read(vtkXMLPolyDataReader(), out / "surface.vtp"), read(vtkXMLUnstructuredGridReader(), out / "volume.vtu")
        relative = lambda got, true: numpy.linalg.norm(got - true) / numpy.linalg.norm(true)
        errors.append([relative(surface["pressure"], s["pressure"]), relative(surface["wall_shear_stress"], s["wall_shear_stress"]),
                       relative(volume["pressure"], v["pressure"]), relative(volume["velocity"], v["velocity"]),
                       relative(volume["vorticity"], v["vorticity"])])
        force = ((-surface["pressure"][:, None] * s["normal"] + surface["wall_shear_stress"]) * s["area"][:, None]).sum(0) / (q * area)
        drag.append([cd, force[0], on_faces["coefficients"]["Cd"]["total"], on_stl["coefficients"]["Cd"]["total"]])
        print(f"run {run:3}: " + ", ".join(f"{n} {100 * e:.2f} %" for n, e in zip(names, errors[-1]))
              + "; Cd CFD {:.4f}, faces {:.4f} (program {:.4f}), STL {:.4f}".format(*drag[-1]), flush=True)
    errors, drag = numpy.array(errors), numpy.array(drag)
    gap = 1e4 * numpy.abs(drag[:, 3] - drag[:, 1])
    result = dict(zip(names, errors.mean(0))) | {
        "designs": len(runs), "cd_mae_counts": 1e4 * numpy.abs(drag[:, 1] - drag[:, 0]).mean(),
        "cd_program_on_faces_worst_counts": 1e4 * numpy.abs(drag[:, 2] - drag[:, 1]).max(),
        "cd_stl_against_faces_counts": {"median": numpy.median(gap), "worst": gap.max(), "within_3": int((gap <= 3).sum())}}
    print(json.dumps(result, indent=1, default=float))
    if a.json:
        a.json.write_text(json.dumps(result, indent=1, default=float) + "\n")


if __name__ == "__main__":
    main()
