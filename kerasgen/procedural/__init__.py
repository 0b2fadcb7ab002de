"""Pictures drawn by rule, with exact annotations: eyes, garments, scenery, smoke."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
