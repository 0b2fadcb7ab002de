"""Asks a model on a server for its answers; TensorFlow is needed for gRPC only."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
