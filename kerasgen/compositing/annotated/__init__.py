"""Foregrounds of annotated pictures: by their masks, or by masks estimated in their boxes."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
