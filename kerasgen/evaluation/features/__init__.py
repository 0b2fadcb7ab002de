"""Pictures -> features: what distances are measured on, and what features look like."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
