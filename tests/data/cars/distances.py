#!/usr/bin/env python3
"""distances.py SPECIFICATION LOG: writes distances.csv, values of the family's specification (cars.py; needs numpy,
scipy, matplotlib) near the surface of 20 of the designs that LOG (log.csv) lists, for tests/geometry/test_car_body.cpp.
"""
import csv, importlib.util, os, sys

import numpy as np

spec = importlib.util.spec_from_file_location("cars", sys.argv[1])
cars = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cars)
names = [n for n in cars.NAMES if n != "reynolds"]
random = np.random.default_rng(1)
here = os.path.dirname(os.path.abspath(__file__))
with open(sys.argv[2], newline="") as log, open(os.path.join(here, "distances.csv"), "w") as out:
    print("# design,%s" % ",".join(names), "# x,y,z,distance: below it, points of that design, m", sep="\n", file=out)
    for row in [r for r in csv.DictReader(log) if r["status"] == "solved"][::4][:20]:
        parameters, _ = cars.design(int(row["sobol"]))
        car = cars.Car(parameters)
        X = random.uniform((0, 0, 0.001), (car.L, car.W / 2 + 0.05 * car.has_mirrors, car.H), (400, 3))
        for _ in range(6):
            f, slope = car.phi(X), car.gradient(X)
            X = X - np.clip(f / np.maximum((slope * slope).sum(1), 0.05), -0.05, 0.05)[:, None] * slope
        X = np.round(X + random.normal(size=X.shape) * 0.001, 6)
        f = car.phi(X)
        near = np.flatnonzero((np.abs(f) < 0.004) & (X[:, 2] > 0.001))
        near = near[np.argsort(-X[near, 0])]             # a third of them around the tail, where edges are sharp
        print(",".join([row["case"]] + ["%.6g" % parameters[n] for n in names]), file=out)
        for i in np.concatenate([near[:4], near[4::max(1, len(near) // 8)][:8]]):
            print("%.6f,%.6f,%.6f,%.8f" % (*X[i], f[i]), file=out)
