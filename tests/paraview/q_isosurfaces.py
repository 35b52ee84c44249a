"""Vortices around a body, as ParaView draws them off screen.

    xvfb-run -a pvpython q_isosurfaces.py FOLDER OUT.png [VALUE]

FOLDER: written by `streamtube predict ... --derive q_criterion`. Draws the body by its Cp and where Q is VALUE (1/s^2, default
2000), coloured by the streamwise vorticity. Exit code 1 when there is no such surface.
"""

import os
import sys

from paraview import simple


def main():
    if len(sys.argv) not in (3, 4):
        print(__doc__)
        return 2
    folder, picture = sys.argv[1:3]
    value = float(sys.argv[3]) if len(sys.argv) > 3 else 2000.0
    simple._DisableFirstRenderCameraReset()
    body = simple.XMLPolyDataReader(FileName=[os.path.join(folder, "surface.vtp")])
    volume = simple.XMLUnstructuredGridReader(FileName=[os.path.join(folder, "volume.vtu")])
    volume.UpdatePipeline()
    if volume.PointData.GetArray("q_criterion") is None:
        volume = simple.CellDatatoPointData(Input=volume)
    surface = simple.Contour(Input=volume, ContourBy=["POINTS", "q_criterion"], Isosurfaces=[value])
    surface.UpdatePipeline()
    cells = surface.GetDataInformation().GetNumberOfCells()
    if cells == 0:
        print(f"no surface of Q = {value}")
        return 1
    view = simple.CreateView("RenderView")
    view.ViewSize = [1600, 900]
    view.OrientationAxesVisibility = 0
    view.UseColorPaletteForBackground = 0
    view.Background = [1, 1, 1]

    shown = simple.Show(body, view)
    association = "POINTS" if body.PointData.GetArray("Cp") is not None else "CELLS"
    simple.ColorBy(shown, (association, "Cp"))
    simple.GetColorTransferFunction("Cp").RescaleTransferFunction(-1, 1)
    shown = simple.Show(surface, view)
    simple.ColorBy(shown, ("POINTS", "vorticity", "X"))
    colours = simple.GetColorTransferFunction("vorticity")
    colours.VectorMode, colours.VectorComponent = "Component", 0
    colours.ApplyPreset("Cool to Warm", True)
    colours.RescaleTransferFunction(-150, 150)
    bar = simple.GetScalarBar(colours, view)
    bar.Title, bar.ComponentTitle = "vorticity x [1/s]", ""
    bar.TitleColor = bar.LabelColor = [0, 0, 0]
    bar.Visibility = 1
    shown.Opacity = 0.9

    x0, x1, y0, y1, z0, z1 = body.GetDataInformation().GetBounds()
    length = x1 - x0
    view.CameraFocalPoint = [x1 + 0.1 * length, 0, (z0 + z1) / 2]
    view.CameraPosition = [x1 + 1.5 * length, -1.1 * length, z1 + 0.9 * length]
    view.CameraViewUp = [0, 0, 1]
    view.CameraViewAngle = 32
    simple.Render(view)
    simple.SaveScreenshot(picture, view)
    print(f"Q = {value}: {cells} cells")
    return 0


code = main()
sys.stdout.flush()
os._exit(code)  # ParaView and its display do not always part in peace
