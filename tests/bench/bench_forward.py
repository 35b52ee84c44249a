"""One forward of AB-UPT on random weights: bench_forward against the PyTorch reference, in turn, on the same input.

  python bench_forward.py PROGRAM REFERENCE_FOLDER [--rounds 5] [--threads 2]

PROGRAM is build/openmp/bin/bench_forward, REFERENCE_FOLDER holds abupt_reference.py. Shapes are the ShapeNet-Car configuration:
3,586 geometry points, all supernodes, 3,586 surface and 4,096 volume anchors, hidden 192, 3 heads. The input is points
spread over a car-sized box and around it. Needs torch and numpy; both sides get the same number of threads.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import torch

POINTS, SURFACE, VOLUME = 3586, 3586, 4096


def car_like(generator):
    """Points on a box of 4.2 x 1.7 x 1.4 m and around it, in network units (0..1000 over 10.5 m)."""
    size = numpy.array([4.2, 1.7, 1.4])
    area = numpy.array([size[1] * size[2], size[0] * size[2], size[0] * size[1]])

    def on_box(n):
        axis = generator.choice(3, n, p=area / area.sum())
        x = generator.random((n, 3)) - 0.5
        x[numpy.arange(n), axis] = generator.choice([-0.5, 0.5], n)
        return x * size

    around = on_box(VOLUME) * (1 + generator.exponential(0.4, (VOLUME, 1)))
    scale = lambda x: numpy.ascontiguousarray((x.clip(-4.4, 5.9) + 4.5) / 10.5 * 1000, dtype=numpy.float32)
    return scale(on_box(POINTS)), scale(on_box(SURFACE)), scale(around)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("program")
    p.add_argument("reference")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    sys.path.insert(0, a.reference)
    import abupt_reference as reference

    torch.set_num_threads(a.threads)
    reference.fused_attention = True
    c = reference.AbuptConfig(hidden=192, heads=3, physics_blocks="pscscscscs", decoder_blocks={"surface": 2, "volume": 2}, radius=9.0)
    model = reference.Abupt(c).eval()
    data = car_like(numpy.random.default_rng(1))
    points, surface, volume = map(torch.from_numpy, data)
    supernodes = torch.arange(POINTS)

    def pytorch():
        start = time.perf_counter()
        with torch.no_grad():
            model(points, supernodes, {"surface": surface, "volume": volume})
        return time.perf_counter() - start

    with tempfile.NamedTemporaryFile() as file:
        for x in data:
            file.write(x.tobytes())
        file.flush()

        def streamtube():
            out = subprocess.run([a.program, "--repeat", "3", "--threads", str(a.threads), "--input", file.name],
                                 check=True, capture_output=True, text=True).stdout
            return float(re.search(r"median ([0-9.]+) s", out).group(1))

        pytorch()
        times = [(streamtube(), statistics.median(pytorch() for _ in range(3))) for _ in range(a.rounds)]
    ours, theirs = zip(*times)
    ratio = [t / o for o, t in times]
    print(f"Streamtube {min(ours):.3f} {statistics.median(ours):.3f} {max(ours):.3f} s (min, median, max over {a.rounds} rounds)")
    print(f"PyTorch {torch.__version__} {min(theirs):.3f} {statistics.median(theirs):.3f} {max(theirs):.3f} s")
    print(f"ratio round by round {min(ratio):.2f} {statistics.median(ratio):.2f} {max(ratio):.2f}")


if __name__ == "__main__":
    main()
