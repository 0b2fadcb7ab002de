"""What a server needs beside the models: settings, manifests and a first request."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
