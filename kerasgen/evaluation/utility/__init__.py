"""Does a synthetic set help? Training sets, classifiers, verdicts, the page."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
