"""How well a sweep ranks held-back designs: predicted against CFD drag.

  python sweep_ranking.py PROGRAM DATA [--model FILE] [--out FOLDER]

DATA is a folder with index.csv (run, Cd, Cl of CFD) and stl/run_<i>.stl. Sweeps the held-back designs (run number divisible by 5) from a
table that also holds the CFD's coefficients, and prints Spearman's rank correlation and the errors. Needs python3 alone.
"""

import argparse
import csv
import pathlib
import subprocess
import tempfile


def ranks(values):
    order = sorted(range(len(values)), key=lambda i: values[i])
    out = [0.0] * len(values)
    i = 0
    while i < len(order):
        j = i
        while j + 1 < len(order) and values[order[j + 1]] == values[order[i]]:
            j += 1
        for k in range(i, j + 1):
            out[order[k]] = (i + j) / 2
        i = j + 1
    return out


def correlation(a, b):
    ma, mb = sum(a) / len(a), sum(b) / len(b)
    ab = sum((x - ma) * (y - mb) for x, y in zip(a, b))
    return ab / (sum((x - ma) ** 2 for x in a) * sum((y - mb) ** 2 for y in b)) ** 0.5


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program"), parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--model"), parser.add_argument("--out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        table = pathlib.Path(scratch) / "held_back.csv"
        rows = [r for r in csv.DictReader(open(arguments.data / "index.csv")) if int(r["run"]) % 5 == 0]
        rows = [r for r in rows if (arguments.data / "stl" / f"run_{r['run']}.stl").exists()]
        with open(table, "w") as out:
            out.write("name,file,Cd,Cl\n")
            for r in rows:
                stl = (arguments.data / "stl" / f"run_{r['run']}.stl").resolve()
                out.write(f"run_{r['run']},{stl},{r['Cd']},{r['Cl']}\n")
        results = pathlib.Path(arguments.out or pathlib.Path(scratch) / "results")
        command = [arguments.program, "sweep", str(table), "--fields", "none", "--out", str(results), "--resume"]
        subprocess.run(command + (["--model", arguments.model] if arguments.model else []), check=True)
        done = [r for r in csv.DictReader(open(results / "results.csv")) if r["status"] == "done"]
        for name in ("Cd", "Cl"):
            ours, theirs = [float(r[name]) for r in done], [float(r["given_" + name]) for r in done]
            error = sum(abs(a - b) for a, b in zip(ours, theirs)) / len(done)
            print(f"{name}: {len(done)} designs, Spearman {correlation(ranks(ours), ranks(theirs)):.3f}, "
                  f"mean absolute error {1e4 * error:.0f} counts")


main()
