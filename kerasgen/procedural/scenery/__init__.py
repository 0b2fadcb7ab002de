"""Rooms, streets and open country drawn by rule: clean, or as a camera took them, with smoke."""

from kerasgen.procedural.scenery.cameras import CameraRooms, camera_rooms
from kerasgen.procedural.scenery.drawing import draw_room, drawn_rooms

__all__ = ["CameraRooms", "camera_rooms", "draw_room", "drawn_rooms"]
