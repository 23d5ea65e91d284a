"""The ego view: numpy and OpenCV, no GPU, fast enough to drive by.

Example:
    renderer = Renderer(city, network, width_px=256, height_px=256)
    image = renderer.render(CameraPose(x_m=0.0, y_m=0.0, yaw_rad=0.0), actors, lights)
"""

from world.camera.renderer import Renderer
from world.camera.views import CameraPose, LightView

__all__ = ["CameraPose", "LightView", "Renderer"]
