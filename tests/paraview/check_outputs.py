"""Opens every .pvd, .vtp, .vtu and .hdf of a folder with ParaView and checks what it reads.

    pvpython check_outputs.py FOLDER [--expect EXPECTED.json]

Prints each array with its range. Exit code 0: all opened, all values finite, all expectations met; 1: not; 2: usage.

EXPECTED.json: {file: {"points": n, "cells": n, "fields": {name: {"on": "cells", "components": 1, "min": x, "max": x,
"tolerance": 1e-5, "values": {"17": x or [x, y, z]}}}}}; every key may be left out. tolerance is relative to the larger of 1
and the magnitude of the expected value.
"""

import json
import math
import os
import sys

from paraview import servermanager, simple
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkCompositeDataSet, vtkDataObject
import numpy


def leaves(data):
    """The data sets of a possibly nested one."""
    if not isinstance(data, vtkCompositeDataSet):
        return [data]
    found = []
    iterator = data.NewIterator()
    iterator.InitTraversal()
    while not iterator.IsDoneWithTraversal():
        found.append(iterator.GetCurrentDataObject())
        iterator.GoToNextItem()
    return found


def arrays(data):
    """(association, name, values) of the numeric arrays of one data set."""
    for association, attributes in (("points", data.GetPointData()), ("cells", data.GetCellData())):
        for i in range(attributes.GetNumberOfArrays()):
            array = attributes.GetArray(i)
            if array is not None:
                yield association, array.GetName(), vtk_to_numpy(array)


def check_expected(data, expected, fail):
    for key, count in (("points", data.GetNumberOfPoints()), ("cells", data.GetNumberOfCells())):
        if key in expected and expected[key] != count:
            fail(f"{count} {key}, expected {expected[key]}")
    read = {name: (association, values) for association, name, values in arrays(data)}
    for name, wanted in expected.get("fields", {}).items():
        if name not in read:
            fail(f"no field '{name}'")
            continue
        association, values = read[name]
        components = 1 if values.ndim == 1 else values.shape[1]
        if wanted.get("on", association) != association:
            fail(f"'{name}' is on the {association}, expected on the {wanted['on']}")
        if wanted.get("components", components) != components:
            fail(f"'{name}' has {components} components, expected {wanted['components']}")
        tolerance = wanted.get("tolerance", 1e-5)

        def compare(what, got, should):
            # `not <=`: NaN fails too.
            if not abs(got - should) <= tolerance * max(1.0, abs(should)):
                fail(f"'{name}' {what} is {got:.9g}, expected {should:.9g}")

        for key, value in (("min", values.min()), ("max", values.max())):
            if key in wanted:
                compare(key, float(value), wanted[key])
        for index, should in wanted.get("values", {}).items():
            row = numpy.atleast_1d(values[int(index)])
            should = [should] if isinstance(should, (int, float)) else should
            if len(should) != len(row):
                fail(f"'{name}' [{index}] has {len(row)} values, expected {len(should)}")
            for component, (got, value) in enumerate(zip(row, should)):
                compare(f"[{index}][{component}]", float(got), value)


def check_file(path, expected, fail):
    source = simple.OpenDataFile(path)
    if source is None:
        fail("ParaView cannot open it")
        return
    source.UpdatePipeline()
    parts = [part for part in leaves(servermanager.Fetch(source)) if part is not None]
    if not any(part.GetNumberOfCells() for part in parts):
        fail("holds no cells")
    for part in parts:
        bounds = part.GetBounds()
        print(f"  {part.GetClassName()}: {part.GetNumberOfPoints()} points, {part.GetNumberOfCells()} cells, bounds "
              + " ".join(f"{b:.6g}" for b in bounds))
        if not all(math.isfinite(b) for b in bounds):
            fail("points that are not finite")
        for association, name, values in arrays(part):
            bad = int(numpy.count_nonzero(~numpy.isfinite(values)))
            text = "" if values.size == 0 else f"{values.min():.6g} .. {values.max():.6g}"
            print(f"    {association:6} {name} x{1 if values.ndim == 1 else values.shape[1]}: {text}")
            if bad:
                fail(f"'{name}': {bad} of {values.size} values are not finite")
        text = part.GetFieldData()
        for i in range(text.GetNumberOfArrays()):
            array = text.GetAbstractArray(i)
            if array.IsA("vtkStringArray"):
                print(f"    text   {array.GetName()}: " + ", ".join(array.GetValue(k) for k in range(array.GetNumberOfValues())))
    if expected is not None:
        if len(parts) != 1:
            fail(f"{len(parts)} parts, expected one")
        else:
            check_expected(parts[0], expected, fail)
    simple.Delete(source)


def main(arguments):
    if len(arguments) not in (1, 3) or (len(arguments) == 3 and arguments[1] != "--expect"):
        print(__doc__, file=sys.stderr)
        return 2
    folder = arguments[0]
    expected = {}
    if len(arguments) == 3:
        with open(arguments[2], encoding="utf-8") as file:
            expected = json.load(file)
    names = sorted(n for n in os.listdir(folder) if os.path.splitext(n)[1] in (".pvd", ".vtp", ".vtu", ".hdf"))
    failures = []
    for name in expected:
        if name not in names:
            failures.append(f"{name}: is missing")
    if not names:
        failures.append(f"{folder}: holds no .pvd, .vtp, .vtu or .hdf")
    for name in names:
        print(name)
        check_file(os.path.join(folder, name), expected.get(name), lambda what: failures.append(f"{name}: {what}"))
    for failure in failures:
        print("FAILED " + failure)
    print(f"{len(names)} files, {len(failures)} failures")
    return 1 if failures else 0


code = main(sys.argv[1:])
sys.stdout.flush()
# ParaView's own shutdown can fail off screen after all is done; the verdict is ours.
os._exit(code)
