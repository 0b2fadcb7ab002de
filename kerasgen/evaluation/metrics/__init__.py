"""Measures on features, without TensorFlow; each with an interval and its sample count.

Features of pictures come from ``evaluation.features``. A distance alone means little: show it
beside its real-vs-real baseline, the distance between two halves of the real set of the same sizes.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
