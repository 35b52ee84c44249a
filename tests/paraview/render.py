"""Pictures of a prediction for people to look at: Cp on the body and a slice of the velocity.

    pvpython render.py FOLDER [PICTURE.png]        (default: FOLDER/picture.png)

FOLDER holds surface.vtp and, if a volume was predicted, volume.vtu. Off screen this needs a display: xvfb-run -a pvpython ...
"""

import os
import sys

from paraview import simple

WIDTH, HEIGHT = 1600, 900


def find(source, name):
    """('POINTS' or 'CELLS', name) of the field, or None."""
    for association, information in (("CELLS", source.CellData), ("POINTS", source.PointData)):
        if name in information.keys():
            return association, name
    return None


def color_by(display, view, source, name, label, low=None, high=None, preset="Cool to Warm", position=(0.1, 0.04)):
    field = find(source, name)
    if field is None:
        return False
    simple.ColorBy(display, field)
    table = simple.GetColorTransferFunction(name)
    table.ApplyPreset(preset, True)
    if low is None:
        display.RescaleTransferFunctionToDataRange(False, True)
    else:
        table.RescaleTransferFunction(low, high)
    bar = simple.GetScalarBar(table, view)
    bar.Title, bar.ComponentTitle = label, ""
    bar.TitleColor = bar.LabelColor = [0, 0, 0]
    bar.Orientation = "Horizontal"
    bar.WindowLocation = "Any Location"
    bar.Position = list(position)
    bar.ScalarBarLength = 0.3
    display.SetScalarBarVisibility(view, True)
    return True


def main(arguments):
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    folder = arguments[0]
    picture = arguments[1] if len(arguments) == 2 else os.path.join(folder, "picture.png")
    surface_file = os.path.join(folder, "surface.vtp")
    volume_file = os.path.join(folder, "volume.vtu")
    if not os.path.isfile(surface_file):
        print(f"{surface_file} is missing", file=sys.stderr)
        return 1
    view = simple.CreateView("RenderView")
    view.ViewSize = [WIDTH, HEIGHT]
    view.OrientationAxesVisibility = 1
    view.UseColorPaletteForBackground = 0
    view.Background = [1, 1, 1]

    body = simple.OpenDataFile(surface_file)
    body.UpdatePipeline()
    bounds = body.GetDataInformation().GetBounds()
    center = [(bounds[0] + bounds[1]) / 2, (bounds[2] + bounds[3]) / 2, (bounds[4] + bounds[5]) / 2]
    length = max(bounds[1] - bounds[0], bounds[3] - bounds[2], bounds[5] - bounds[4])
    display = simple.Show(body, view)
    if not color_by(display, view, body, "Cp", "Cp", -1.5, 1.0, position=(0.12, 0.04)):
        print(f"{surface_file} has no field 'Cp'", file=sys.stderr)
        return 1

    if os.path.isfile(volume_file):
        volume = simple.OpenDataFile(volume_file)
        volume.UpdatePipeline()
        if find(volume, "velocity") is None:
            print(f"{volume_file} has no field 'velocity'", file=sys.stderr)
            return 1
        plane = simple.Slice(Input=volume)
        plane.SliceType.Origin = [center[0], center[1] + 1e-4 * length, center[2]]  # beside the faces of the cells
        plane.SliceType.Normal = [0, 1, 0]
        plane.UpdatePipeline()
        slice_display = simple.Show(plane, view)
        slice_display.Ambient, slice_display.Diffuse = 1.0, 0.0  # colours as in the legend, unshaded
        color_by(slice_display, view, plane, "velocity", "velocity (m/s)", preset="Viridis (matplotlib)",
                 position=(0.58, 0.04))

    view.CameraFocalPoint = [center[0] + 0.35 * length, center[1], center[2] + 0.05 * length]
    view.CameraPosition = [center[0] + 0.9 * length, center[1] - 2.0 * length, center[2] + 0.8 * length]
    view.CameraViewUp = [0, 0, 1]
    view.CameraViewAngle = 35
    simple.Render(view)
    simple.SaveScreenshot(picture, view, ImageResolution=[WIDTH, HEIGHT])
    if not os.path.isfile(picture):
        print(f"{picture} was not written", file=sys.stderr)
        return 1
    print(picture)
    return 0


code = main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
