#!/usr/bin/env python3
"""Mutates STEP and IGES files and lets the program read them, until the time is up.

    fuzz_cad.py PROGRAM [SECONDS] [SEED] [FILE ...]      default: 600 seconds, seed 0, the sample STEP file

Open CASCADE runs in a process of its own, so what matters is what a user sees: exit code 0 or 3, one error line on 3, and
an end within 200 s (the reader is given 120 s of processor time). Files for which that does not hold are kept in ./fuzz_cad. Exit code 1 when there are any.
"""
import collections
import os
import random
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLE = os.path.join(HERE, os.pardir, os.pardir, "data_samples", "geometries", "ahmed_25deg.step")
NUMBERS = [b"0.", b"-1.", b"1.E+300", b"1.E-300", b"nan", b"inf", b"999999999999999999999", b"$", b"*", b"''", b"()"]


def mutate(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        kind = rng.randrange(8)
        at = rng.randrange(len(data))
        if kind == 0:  # a byte
            data[at] = rng.randrange(256)
        elif kind == 1:  # a piece lost
            del data[at:at + rng.choice((1, 3, 40, 2000))]
        elif kind == 2:  # a piece doubled
            piece = data[at:at + rng.choice((1, 40, 2000))]
            data[at:at] = piece
        elif kind in (3, 4):  # a number
            found = [m for m in re.finditer(rb"-?\d+\.\d*(E[-+]\d+)?", bytes(data[at:at + 400]))]
            if found:
                one = found[0]
                data[at + one.start():at + one.end()] = rng.choice(NUMBERS)
        elif kind in (5, 6):  # a reference to another entity
            found = re.search(rb"#\d+", bytes(data[at:at + 400]))
            if found:
                data[at + found.start():at + found.end()] = b"#%d" % rng.randrange(0, 900)
        else:  # the words of two entities
            words = list(re.finditer(rb"[A-Z_]{6,}", bytes(data[at:at + 4000])))
            if len(words) > 1:
                a, b = sorted(rng.sample(range(len(words)), 2))
                first, second = words[a], words[b]
                data[at + second.start():at + second.end()] = first.group()
    return bytes(data)


def main():
    program = os.path.abspath(sys.argv[1])
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 600
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 0)
    seeds = []
    for path in sys.argv[4:] or [SAMPLE]:
        with open(path, "rb") as f:
            seeds.append((os.path.splitext(path)[1], f.read()))
    ends, failures, runs, slowest = collections.Counter(), 0, 0, 0.0
    stop = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < stop:
            extension, seed = rng.choice(seeds)
            data = mutate(seed, rng)
            path = os.path.join(folder, "body" + extension)
            with open(path, "wb") as f:
                f.write(data)
            started = time.monotonic()
            try:
                run = subprocess.run([program, "inspect", path], cwd=folder, capture_output=True, timeout=200)
                code, text = run.returncode, run.stderr.decode(errors="replace")
            except subprocess.TimeoutExpired:
                code, text = "hang", ""
            slowest = max(slowest, time.monotonic() - started)
            errors = sum(line.startswith("error: ") for line in text.splitlines())
            good = code == 0 or (code == 3 and errors == 1)
            runs += 1
            ends["crash of the reader, reported" if "crashed" in text else code] += 1
            if not good:
                failures += 1
                os.makedirs("fuzz_cad", exist_ok=True)
                with open(os.path.join("fuzz_cad", f"{failures}{extension}"), "wb") as f:
                    f.write(data)
                print(f"exit code {code}, {errors} error lines: fuzz_cad/{failures}{extension}\n{text}", file=sys.stderr)
    print(f"{runs} runs, slowest {slowest:.1f} s, by exit code {dict(ends)}; {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
