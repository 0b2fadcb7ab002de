"""Features -> numbers, without TensorFlow; every number with an interval and its sample counts.

Features of pictures come from ``evaluation.features``. A distance alone means little: show the same
between two halves of the real set, of the same sizes, beside it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
