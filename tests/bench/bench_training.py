"""One training step of AB-UPT: bench_training against the PyTorch reference, in turn, on the same input and shapes.

  python bench_training.py PROGRAM REFERENCE_FOLDER [--rounds 5] [--threads 2]

PROGRAM is build/openmp/bin/bench_training, REFERENCE_FOLDER holds abupt_reference.py. Shapes are the defaults of the
reference's training script: 4,096 geometry points, 1,024 supernodes, 1,024 + 1,024 anchors, hidden 96, 3 heads, pscscs +
2 + 2 blocks, radius 9. A step is forward, loss, backward, clipping, AdamW and averaging. Needs torch and numpy; both
sides get the same number of threads.
"""

import argparse
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import torch

POINTS, SUPERNODES, SURFACE, VOLUME = 4096, 1024, 1024, 1024


def body(generator):
    """Points on a box of 1.04 x 0.39 x 0.29 m and around it, in network units (0..1000 over 6 m from -1.5)."""
    size = numpy.array([1.04, 0.39, 0.29])
    area = numpy.array([size[1] * size[2], size[0] * size[2], size[0] * size[1]])

    def on_box(n):
        axis = generator.choice(3, n, p=area / area.sum())
        x = generator.random((n, 3)) - 0.5
        x[numpy.arange(n), axis] = generator.choice([-0.5, 0.5], n)
        return x * size

    around = on_box(VOLUME) * (1 + generator.exponential(0.6, (VOLUME, 1)))
    scale = lambda x: numpy.ascontiguousarray(((x + [0.5, 0, 0.2]).clip(-1.4, 4) + 1.5) / 6 * 1000, dtype=numpy.float32)
    return scale(on_box(POINTS)), scale(on_box(SURFACE)), scale(around)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("program")
    p.add_argument("reference")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--steps", type=int, default=10, help="a round's median is over so many steps")
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    sys.path.insert(0, a.reference)
    import abupt_reference as reference

    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    reference.fused_attention = True
    c = reference.AbuptConfig(hidden=96, heads=3, physics_blocks="pscscs", decoder_blocks={"surface": 2, "volume": 2}, radius=9.0)
    model = reference.Abupt(c)
    data = body(numpy.random.default_rng(1))
    points, surface, volume = map(torch.from_numpy, data)
    supernodes = torch.arange(SUPERNODES) * POINTS // SUPERNODES
    targets = {"surface": torch.randn(SURFACE, 4), "volume": torch.randn(VOLUME, 7)}
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    average = {k: v.clone() for k, v in model.state_dict().items()}

    def step():
        start = time.perf_counter()
        out = model(points, supernodes, {"surface": surface, "volume": volume})
        loss = sum(((out[b][0] - targets[b]) ** 2).mean() for b in out)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimiser.step()
        with torch.no_grad():
            for k, v in model.state_dict().items():
                average[k].lerp_(v, 0.01)
        return time.perf_counter() - start

    step()
    ratios, times = [], {"streamtube": [], "pytorch": []}
    with tempfile.NamedTemporaryFile(suffix=".f32") as file:
        for array in data:
            file.write(array.tobytes())
        file.flush()
        for _ in range(a.rounds):
            theirs = statistics.median(step() for _ in range(a.steps))
            command = [a.program, "--repeat", str(a.steps), "--threads", str(a.threads), "--input", file.name]
            text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found = re.search(r"median ([\d.]+) .* memory (\d+) MiB", text)
            ours, memory = float(found[1]), int(found[2])
            times["streamtube"].append(ours)
            times["pytorch"].append(theirs)
            ratios.append(theirs / ours)
    for name, values in times.items():
        print(f"{name:12s} min {min(values):.4f}  median {statistics.median(values):.4f}  max {max(values):.4f} s a step")
    print(f"ratio        min {min(ratios):.2f}  median {statistics.median(ratios):.2f}  max {max(ratios):.2f}")
    print(f"peak memory  streamtube {memory} MiB  pytorch {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")
    print(f"torch {torch.__version__}, {a.threads} threads")


if __name__ == "__main__":
    main()
