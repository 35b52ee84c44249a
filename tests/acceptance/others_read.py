"""Every file that the program writes, read by the tools that its users have: PyVista, pandas, h5py, ParaView.

    pip install pyvista pandas h5py
    python tests/acceptance/others_read.py PROGRAM [PVPYTHON]

Runs PROGRAM on the sample bodies in a temporary folder and ends with 1 at the first file that cannot be read, or that
does not hold what the others say. PVPYTHON: ParaView's Python, to open results.pvd and sweep.pvd; a screen is needed
(xvfb-run).
"""
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import pandas as pd
import pyvista as pv

ROOT = pathlib.Path(__file__).resolve().parents[2]
BODY = ROOT / "data_samples/geometries/ahmed_25deg.stl"


def check(holds, text):
    print(("ok      " if holds else "FAILED  ") + text)
    if not holds:
        sys.exit(1)


def run(program, folder, *words):
    done = subprocess.run([program, *map(str, words)], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stderr)
        check(False, " ".join(map(str, words)))
    return done.stdout


def read_mesh(path, wanted):
    """Reads the file, and uses every array as a user does who asks for it by name."""
    mesh = pv.read(path)
    if isinstance(mesh, pv.MultiBlock):
        mesh = mesh[0]
    arrays = set(mesh.cell_data.keys()) | set(mesh.point_data.keys())
    check(wanted <= arrays, f"{path.name}: PyVista finds {', '.join(sorted(wanted))}")
    on_points = mesh.cell_data_to_point_data() if mesh.cell_data.keys() else mesh
    for name in wanted:
        values = np.asarray(on_points[name])
        there = len(values) == mesh.n_points and np.isfinite(values).any()
        check(there, f"{path.name}: mesh['{name}'] as values of points")
    return mesh


def predict(program, folder):
    model = ROOT / "data_samples/models/ahmed_baseline.h5"
    points = "name,x,y,z\nwake,1.3,0,0.2\ninside,0.5,0,0.2\n"
    (folder / "probes.csv").write_text(points)
    out = json.loads(run(program, folder, "predict", BODY, "--model", model, "--out", "p", "--volume", "grid",
                         "--cell", 0.1, "--probes", "probes.csv", "--line", "1.2,0,0.05:1.2,0,0.6:12",
                         "--plane", "x=1.3:0.05",
                         "--derive", "q_criterion", "--save-body", "--json"))
    p = folder / "p"
    surface = read_mesh(p / "surface.vtp", {"pressure", "Cp", "wall_shear_stress", "Cf"})
    read_mesh(p / "volume.vtu", {"pressure", "Cp", "Cp_total", "velocity", "vorticity", "q_criterion"})
    samples = read_mesh(p / "samples.vtu", {"pressure", "velocity", "sample"})
    check(pv.read(p / "body.vtp").is_manifold, "body.vtp: closed")
    check(pv.read(p / "results.pvd").n_blocks == 3, "results.pvd: PyVista finds surface, volume and samples")

    # Drag by PyVista, of the fields on the faces.
    sized = surface.compute_cell_sizes(length=False, volume=False).compute_normals(
        cell_normals=True, point_normals=False, auto_orient_normals=False, consistent_normals=False)
    area, normal = sized["Area"][:, None], sized["Normals"]
    force = (-surface["Cp"][:, None] * normal * area + surface["Cf"] * area).sum(axis=0) / out["reference"]["area_m2"]
    stated = out["coefficients"]["Cd"]["total"]
    check(abs(force[0] / stated - 1) < 0.01, f"Cd over the faces by PyVista {force[0]:.4f}, stated {stated:.4f}")

    table = pd.read_csv(p / "samples.csv")
    check(len(table) == 2 + 12 and table["x [m]"][0] == 1.3, "samples.csv: pandas reads 14 rows")
    at_wake, within = table["pressure"][0], table["pressure"][1]
    check(math.isnan(within) and not math.isnan(at_wake), "samples.csv: no value within the body")
    check(samples.n_points > 14, "samples.vtu: the plane too")
    line = pd.read_csv(p / "centre_line.csv")
    complete = {"side", "Cp", "Cf_x"} <= set(line.columns)
    check(complete and line["Cp"].max() > 0.8, "centre_line.csv: stagnation on the nose")
    for name in ("forces.json", "run.json"):
        json.loads((p / name).read_text())


def points(program, folder):
    model = ROOT / "data_samples/models/ahmed_baseline.h5"
    run(program, folder, "points", "at.h5", "--surface", BODY, "--volume", "p/volume.vtu")
    run(program, folder, "predict", BODY, "--model", model, "--points", "at.h5", "--out", "at")
    for name in ("surface.hdf", "volume.hdf"):
        with h5py.File(folder / "at" / name) as file:
            found = []
            file.visititems(lambda path, item: found.append(path) if isinstance(item, h5py.Dataset) else None)
        check(any(path.endswith("/pressure") for path in found), f"{name}: h5py finds the pressure")


def sweep(program, folder):
    model = ROOT / "data_samples/models/ahmed_baseline.h5"
    (folder / "space.json").write_text(json.dumps({
        "baseline": str(BODY), "parameters": {"longer": {"min": 0, "max": 0.1, "values": [0, 0.05, 0.1]}},
        "morphs": [{"stretch": {"axis": "x", "from": 0.3, "to": 0.6, "by": "longer"}}],
        "sampling": {"method": "grid"}}))
    run(program, folder, "sweep", "space.json", "--model", model, "--out", "s")
    table = pd.read_csv(folder / "s/results.csv")
    check(len(table) >= 3 and table["Cd"].notna().all(), f"results.csv: pandas reads {len(table)} designs")
    with h5py.File(folder / "s/results.h5") as file:
        names = []
        file.visit(names.append)
        check(len(names) > 10, f"results.h5: h5py finds {len(names)} objects")
    times = pv.get_reader(str(folder / "s/sweep.pvd")).time_values
    check(len(times) == len(table), "sweep.pvd: PyVista finds a surface a design")
    first, last = table["design"].iloc[0], table["design"].iloc[-1]
    run(program, folder, "compare", "s", first, "--out", "deltas")
    deltas = pd.read_csv(folder / "deltas/deltas.csv").set_index("design")
    wanted = table.set_index("design")["Cd"]
    change = wanted[last] - wanted[first]
    check(abs(deltas.loc[last, "dCd"] - change) < 1e-5, "deltas.csv: dCd is that of results.csv")
    run(program, folder, "compare", f"s/designs/{last}", f"s/designs/{first}", "--out", "c")
    read_mesh(folder / "c/surface.vtp", {"Cp", "Cp_reference", "Cp_difference"})
    run(program, folder, "report", "s", "--no-pictures")
    check((folder / "s/report.html").stat().st_size > 10000, "report.html is there")


def paraview(pvpython, folder):
    script = folder / "look.py"
    script.write_text("""
import sys
from paraview.simple import OpenDataFile, UpdatePipeline, servermanager
for path, least in (("p/results.pvd", 1000), ("s/sweep.pvd", 1000), ("at/surface.hdf", 100), ("p/samples.vtu", 15)):
    reader = OpenDataFile(path)
    UpdatePipeline(proxy=reader)
    count = reader.GetDataInformation().GetNumberOfPoints()
    print(path, count, "points")
    if count < least:
        sys.exit(1)
""")
    done = subprocess.run([pvpython, str(script)], cwd=folder, capture_output=True, text=True)
    print(done.stdout)
    check(done.returncode == 0, "ParaView opens results.pvd, sweep.pvd, surface.hdf and samples.vtu")


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for step in (predict, points, sweep):
            step(program, folder)
        if len(sys.argv) > 2:
            paraview(sys.argv[2], folder)


main()
