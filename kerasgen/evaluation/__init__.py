"""Is it any good? Comparisons, proofs, and what a family's pictures are held against."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
