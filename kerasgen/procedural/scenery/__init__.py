"""Rooms, streets and open country drawn by rule: clean, or with smoke and a simulated camera."""

from kerasgen.procedural.scenery.cameras import CameraScenes, camera_scenes
from kerasgen.procedural.scenery.drawing import draw_scene, drawn_scenes

__all__ = ["CameraScenes", "camera_scenes", "draw_scene", "drawn_scenes"]
