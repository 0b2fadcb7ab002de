"""Rooms, streets and open country drawn by rule: clean, or as a camera took them, with smoke."""

from kerasgen.data.rooms.cameras import CameraRooms, camera_rooms
from kerasgen.data.rooms.drawing import draw_room, drawn_rooms

__all__ = ["CameraRooms", "camera_rooms", "draw_room", "drawn_rooms"]
