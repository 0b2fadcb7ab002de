"""Annotations in the formats of others: COCO, YOLO and Pascal VOC."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
