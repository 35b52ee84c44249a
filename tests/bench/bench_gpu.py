"""AB-UPT on a GPU: `streamtube bench` against PyTorch, in turn, in one run, on the same shapes.

  python bench_gpu.py PROGRAM REFERENCE_FOLDER [--config drivaerml] [--points 8800000,140000000] [--precision bf16]
                      [--stage encode,anchors,query,train] [--rounds 3] [--device cuda|cpu] [--threads 0]

PROGRAM is build/cuda/bin/streamtube, REFERENCE_FOLDER holds abupt_reference.py. PyTorch runs the reference's own modules, as fast
as it can: anchors once with their keys and values kept, queries streamed past them; every kernel of
scaled_dot_product_attention that takes the shape (flash, cuDNN, memory-efficient) is tried and the fastest used; queries
and the training step both as they are and through torch.compile, of which the faster counts. In bf16 weights, keys and
values are bfloat16, positions, angles and embeddings float32; training is autocast over float32 weights. Times on a GPU
are CUDA events around several launches. With --device cpu and small --points the same runs where there is no GPU.
Needs torch.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from contextlib import nullcontext

import torch
import torch.nn.functional as F

SURFACE, VOLUME = "surface", "volume"
# hidden, heads, blocks, decoders, radius; geometry points, supernodes, anchors; as surrogate/model/work.cpp has them
CONFIGS = {
    "ahmed": (96, 3, "pscscs", 2, 9.0, 8192, 1024, (1024, 1024), (174, 65, 48)),
    "shapenet_car": (192, 3, "pscscscscs", 2, 9.0, 3586, 3586, (3586, 4096), (400, 162, 133)),
    "ahmedml": (192, 3, "pscscscscs", 2, 0.25, 65536, 16384, (16384, 16384), (87, 32, 24)),
    "drivaerml": (192, 3, "pscscs", 6, 0.25, 65536, 16384, (16384, 16384), (42, 17, 12)),
}


def box(count, body, around, device):
    """On the faces of a box by area, or around it; network units."""
    size = torch.tensor(body, dtype=torch.float32)
    area = torch.stack([size[1] * size[2], size[0] * size[2], size[0] * size[1]])
    axis = torch.multinomial(area, count, replacement=True)
    x = torch.rand(count, 3) - 0.5
    x[torch.arange(count), axis] = torch.randint(0, 2, (count,)) - 0.5
    if around:
        x *= 1 - 0.5 * torch.log(1 - torch.rand(count, 1))
    return (x * size + 400).clamp(0, 1000).to(device)


class Contestant:
    """The reference's modules with the anchors' keys and values kept, and any number of queries past them."""

    def __init__(self, reference, name, device, dtype, attention):
        hidden, heads, blocks, decoders, radius, points, supernodes, anchors, self.body = CONFIGS[name]
        self.r, self.device, self.dtype, self.attention = reference, device, dtype, attention
        self.c = reference.AbuptConfig(hidden=hidden, heads=heads, physics_blocks=blocks, radius=radius,
                                       decoder_blocks={SURFACE: decoders, VOLUME: decoders})
        torch.manual_seed(0)
        self.model = reference.Abupt(self.c).to(device)
        self.fast = self.model if dtype == torch.float32 else reference.Abupt(self.c).to(device=device, dtype=dtype)
        self.points = box(points, self.body, False, device)
        self.supernodes = torch.arange(supernodes, device=device) * points // supernodes
        self.anchors = {SURFACE: box(anchors[0], self.body, False, device), VOLUME: box(anchors[1], self.body, True, device)}

    def attend(self, q, k, v):  # [N, H, h] past [M, H, h]
        q, k, v = (t.transpose(0, 1).unsqueeze(0) for t in (q, k, v))
        with self.attention():
            return F.scaled_dot_product_attention(q, k, v)[0].transpose(0, 1).flatten(1)

    def rotate(self, x, angle):  # in float32
        return self.r.rotate(x.float(), angle).to(x.dtype)

    def angles(self, x):
        return self.r.rotary_angles(x, self.c.hidden // self.c.heads, self.c.wavelength)

    def finish(self, block, x, mixed):
        x = x + block.out(mixed)
        return x + block.mlp(block.norm2(x))

    def project(self, block, x, angle):
        q, k, v = block.qkv(block.norm1(x)).view(len(x), 3, self.c.heads, -1).unbind(1)
        return self.rotate(q, angle), self.rotate(k, angle), v

    def pooling(self):
        """The reference's, whose distances of all pairs do not fit a GPU at 16,384 x 65,536: a block at a time."""
        p, c, r = self.fast.pooling, self.c, self.r
        out = []
        for chosen in self.supernodes.split(2048):
            source, slot = r.radius_edges(self.points, chosen, c.radius, c.max_degree)
            d = self.points[chosen[slot]] - self.points[source]
            d = torch.cat([d, d.norm(dim=1, keepdim=True)], dim=1)
            message = p.message(r.sincos_embedding(d, c.hidden, c.wavelength).to(self.dtype)).float()
            total = message.new_zeros(len(chosen), c.hidden).index_add(0, slot, message)
            count = message.new_zeros(len(chosen)).index_add(0, slot, torch.ones_like(slot, dtype=message.dtype))
            own = r.sincos_embedding(self.points[chosen], c.hidden, c.wavelength)
            out.append(p.merge(torch.cat([total / count.unsqueeze(1), own], dim=1).to(self.dtype)))
        return torch.cat(out)

    def embed(self, branch, x):
        return self.fast.branch[branch](self.r.sincos_embedding(x, self.c.hidden, self.c.wavelength).to(self.dtype))

    @torch.no_grad()
    def encode(self):
        """All that depends on the supernodes alone."""
        geometry = self.pooling()
        angle = self.angles(self.points[self.supernodes])
        for block in self.fast.geometry_blocks:
            q, k, v = self.project(block, geometry, angle)
            geometry = self.finish(block, geometry, self.attend(q, k, v))
        self.geometry = []
        for kind, block in zip(self.c.physics_blocks, self.fast.physics_blocks):
            if kind == "p":
                k, v = block.kv(block.norm_kv(geometry)).view(len(geometry), 2, self.c.heads, -1).unbind(1)
                self.geometry.append((self.rotate(k, angle), v.contiguous()))

    def sources(self, kind, branch, keys):
        if kind == "j":
            return tuple(torch.cat([keys[SURFACE][i], keys[VOLUME][i]]) for i in (0, 1))
        return keys[branch if kind == "s" else (VOLUME if branch == SURFACE else SURFACE)]

    @torch.no_grad()
    def anchor_pass(self):
        x = {b: self.embed(b, self.anchors[b]) for b in self.anchors}
        angle = {b: self.angles(self.anchors[b]) for b in self.anchors}
        geometry, self.cache = iter(self.geometry), {SURFACE: [], VOLUME: []}
        for kind, block in zip(self.c.physics_blocks, self.fast.physics_blocks):
            if kind == "p":
                k, v = next(geometry)
                for b in x:
                    self.cache[b].append((k, v))
                    x[b] = self.perceive(block, x[b], angle[b], k, v)
                continue
            projected = {b: self.project(block, x[b], angle[b]) for b in x}
            keys = {b: (projected[b][1], projected[b][2].contiguous()) for b in x}
            for b in x:
                k, v = self.sources(kind, b, keys)
                self.cache[b].append((k, v))
                x[b] = self.finish(block, x[b], self.attend(projected[b][0], k, v))
        for b in x:
            for block in self.fast.decoder_blocks[b]:
                q, k, v = self.project(block, x[b], angle[b])
                self.cache[b].append((k, v.contiguous()))
                x[b] = self.finish(block, x[b], self.attend(q, k, v))
            x[b] = self.fast.head[b](x[b])
        return x

    def perceive(self, block, x, angle, k, v):
        q = block.q(block.norm_q(x)).view(len(x), self.c.heads, -1)
        return self.finish(block, x, self.attend(self.rotate(q, angle), k, v))

    @torch.no_grad()
    def query(self, branch, position):
        x, angle = self.embed(branch, position), self.angles(position)
        blocks = list(zip(self.c.physics_blocks, self.fast.physics_blocks)) + [("s", d) for d in self.fast.decoder_blocks[branch]]
        for (kind, block), (k, v) in zip(blocks, self.cache[branch]):
            if kind == "p":
                x = self.perceive(block, x, angle, k, v)
                continue
            q = F.linear(block.norm1(x), block.qkv.weight[: self.c.hidden], block.qkv.bias[: self.c.hidden])
            x = self.finish(block, x, self.attend(self.rotate(q.view(len(x), self.c.heads, -1), angle), k, v))
        return self.fast.head[branch](x)


def attention_kernels(device):
    if device != "cuda":
        return {"default": nullcontext}
    from torch.nn.attention import SDPBackend, sdpa_kernel

    return {b.name: (lambda b=b: sdpa_kernel(b))
            for b in (SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION, SDPBackend.EFFICIENT_ATTENTION)}


def timed(action, device, at_least=0.5):
    """Seconds of one call: a warm-up, then as many calls in a row as take at_least seconds."""
    action()
    if device != "cuda":
        times = []
        while not times or (sum(times) < at_least and len(times) < 5):
            start = time.perf_counter()
            action()
            times.append(time.perf_counter() - start)
        return statistics.median(times)
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def calls(n):
        torch.cuda.synchronize()
        begin.record()
        for _ in range(n):
            action()
        end.record()
        torch.cuda.synchronize()
        return begin.elapsed_time(end) / 1e3 / n

    return calls(max(1, min(100, int(at_least / calls(1)))))


def first_that_works(tries):
    """name -> seconds of what does not fail; prints why the rest does."""
    good = {}
    for name, measure in tries.items():
        try:
            good[name] = measure()
        except Exception as error:  # a kernel that does not take the shape; a compiler that is not there
            print(f"PyTorch, {name}: {str(error).strip().splitlines()[0][:150]}", file=sys.stderr)
    if not good:
        raise SystemExit("no variant of PyTorch runs here")
    best = min(good, key=good.get)
    return best, good[best]


class PyTorch:
    """Each stage's seconds with its fastest variant, chosen once and timed anew every round."""

    def __init__(self, reference, a, dtype):
        self.a, self.kernels = a, attention_kernels(a.device)
        self.it = Contestant(reference, a.config, a.device, dtype, nullcontext)
        self.dtype, self.reference = dtype, reference
        self.chosen, self.chunk = {}, 65536 if a.device == "cuda" else 4096
        compile_ = (lambda f: torch.compile(f, dynamic=False)) if a.compile else None
        self.variants = {"": lambda f: f} | ({" compiled": compile_} if compile_ else {})

    def encode(self):
        return timed(self.it.encode, self.a.device)

    def anchors(self):
        return timed(self.it.anchor_pass, self.a.device)

    def choose_attention(self):
        self.it.encode()
        q = torch.randn(self.chunk, self.it.c.heads, self.it.c.hidden // self.it.c.heads, device=self.a.device, dtype=self.dtype)
        k = torch.randn(CONFIGS[self.a.config][7][1], *q.shape[1:], device=self.a.device, dtype=self.dtype)

        def measure(kernel):
            def run():
                self.it.attention = kernel
                with torch.no_grad():
                    return timed(lambda: self.it.attend(q, k, k), self.a.device)

            return run

        best, _ = first_that_works({name: measure(kernel) for name, kernel in self.kernels.items()})
        self.it.attention = self.kernels[best]
        return best

    def query(self, branch, points):
        """Positions come from, and fields go to, pinned host memory, as in the program."""
        it, device, pinned = self.it, self.a.device, self.a.device == "cuda"
        slab = min(points, 1 << 20)
        where = box(slab, it.body, branch == VOLUME, "cpu")
        out = torch.empty(slab, it.c.outputs[branch])
        if pinned:
            where, out = where.pin_memory(), out.pin_memory()

        def run(ask, count):
            done = 0
            while done < count:
                n = min(self.chunk, count - done)
                at = done % slab if done % slab + n <= slab else 0
                n = min(n, slab - at)
                x = where[at : at + n].to(device, non_blocking=True)
                if n < self.chunk:  # one shape, so that nothing is compiled anew
                    x = F.pad(x, (0, 0, 0, self.chunk - n), value=400.0)
                out[at : at + n].copy_(ask(branch, x)[:n].float(), non_blocking=True)
                done += n
            if pinned:
                torch.cuda.synchronize()

        if branch not in self.chosen:
            it.anchor_pass()
            asks = {"as it is" + name: make(it.query) for name, make in self.variants.items()}
            best, _ = first_that_works({n: (lambda f=f: timed(lambda: run(f, self.chunk), device)) for n, f in asks.items()})
            self.chosen[branch] = asks[best]
            print(f"PyTorch, query {branch}: {best}", file=sys.stderr)
        ask = self.chosen[branch]
        run(ask, min(points, 2 * self.chunk))
        start = time.perf_counter()
        run(ask, points)
        return time.perf_counter() - start

    def train(self):
        it, a, r = self.it, self.a, self.reference
        if "train" not in self.chosen:
            r.fused_attention = True
            targets = {b: torch.randn(len(it.anchors[b]), it.c.outputs[b], device=a.device) for b in it.anchors}
            optimiser = torch.optim.AdamW(it.model.parameters(), lr=1e-3, weight_decay=0.05, fused=a.device == "cuda")
            state = [v for v in it.model.state_dict().values()]
            average = [v.clone() for v in state]
            # Edges are found outside of what is compiled: their number is not known to the compiler.
            edges = []
            for first, chosen in enumerate(it.supernodes.split(2048)):
                source, slot = r.radius_edges(it.points, chosen, it.c.radius, it.c.max_degree)
                edges.append((source, slot + 2048 * first))
            found = tuple(torch.cat(e) for e in zip(*edges))
            r.radius_edges = lambda *_: found

            def forward():
                with torch.autocast(a.device, self.dtype) if self.dtype != torch.float32 else nullcontext(), it.attention():
                    out = it.model(it.points, it.supernodes, it.anchors)
                    return sum(((out[b][0].float() - targets[b]) ** 2).mean() for b in out)

            def step(loss):
                def run():
                    value = loss()
                    optimiser.zero_grad(set_to_none=True)
                    value.backward()
                    torch.nn.utils.clip_grad_norm_(it.model.parameters(), 0.25)
                    optimiser.step()
                    torch._foreach_lerp_(average, state, 0.01)

                return run

            steps = {"as it is" + name: step(make(forward)) for name, make in self.variants.items()}
            best, _ = first_that_works({n: (lambda f=f: timed(f, a.device)) for n, f in steps.items()})
            self.chosen["train"] = steps[best]
            print(f"PyTorch, train: {best}", file=sys.stderr)
        return timed(self.chosen["train"], a.device)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("program")
    p.add_argument("reference")
    p.add_argument("--config", choices=CONFIGS, default="drivaerml")
    p.add_argument("--points", default="1048576,1048576", help="surface,volume")
    p.add_argument("--precision", choices=("fp32", "tf32", "bf16"), default="bf16")
    p.add_argument("--stage", default="encode,anchors,query,train")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--device", choices=("cuda", "cpu"), default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--no-compile", dest="compile", action="store_false")
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    torch.backends.cuda.matmul.allow_tf32 = a.precision == "tf32"
    sys.path.insert(0, a.reference)
    import abupt_reference as reference

    points = [int(n) for n in a.points.split(",")]
    theirs = PyTorch(reference, a, torch.bfloat16 if a.precision == "bf16" else torch.float32)
    print(f"PyTorch {torch.__version__}, attention: {theirs.choose_attention()}", file=sys.stderr)
    wanted = a.stage.split(",")

    def pytorch():
        out = {}
        if "encode" in wanted or "query" in wanted or "anchors" in wanted:
            out["encode"] = theirs.encode()
            out["anchors"] = theirs.anchors()
        if "query" in wanted:
            for branch, n in zip((SURFACE, VOLUME), points):
                if n:
                    out[f"query {branch}"] = theirs.query(branch, n)
        if "train" in wanted:
            out["train"] = theirs.train()
        return out

    def streamtube():
        command = [a.program, "bench", "--config", a.config, "--points", a.points, "--precision", a.precision, "--stage", a.stage,
                   "--json", "--threads", str(a.threads)]
        command += ["--repeat", "1"] if sum(points) > 2e7 else ["--repeat", "3"]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise SystemExit(f"{' '.join(command)}\n{result.stderr}")
        return json.loads(result.stdout)

    rounds = []
    for _ in range(a.rounds):
        ours = streamtube()
        rounds.append(({s["name"]: s["seconds"]["median"] for s in ours["stages"]}, pytorch()))
    name = torch.cuda.get_device_name() if a.device == "cuda" else "CPU"
    print(f"{a.config}, {a.precision}, {ours['device']['name']} / PyTorch {torch.__version__} on {name}, {a.rounds} rounds in turn\n")
    print("| stage | points | Streamtube, s (min, median, max) | PyTorch, s | PyTorch / Streamtube, round by round |")
    print("|---|---|---|---|---|")
    three = lambda values, form: " / ".join(form.format(f(values)) for f in (min, statistics.median, max))
    for stage in ours["stages"]:
        pairs = [(o[stage["name"]], t[stage["name"]]) for o, t in rounds if stage["name"] in t]
        mine, other = zip(*pairs)
        print(f"| {stage['name']} | {stage['points']:,} | {three(mine, '{:.4f}')} | {three(other, '{:.4f}')} | "
              f"{three([t / max(o, 1e-9) for o, t in pairs], '{:.2f}')} |")


if __name__ == "__main__":
    main()
