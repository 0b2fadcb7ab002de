"""Jobs as Apache Beam pipelines, for any runner; needs the extra ``[beam]``."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
