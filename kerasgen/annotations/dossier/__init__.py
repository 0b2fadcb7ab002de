"""What a data set says of itself: data card, Croissant, marks in the pictures, signatures.

It lies among the annotations, below all that makes pictures, because every writer of a folder ends
with it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
