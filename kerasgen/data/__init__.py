"""Pictures and what is known about them, before any model."""
