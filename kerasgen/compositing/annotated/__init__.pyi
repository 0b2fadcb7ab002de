from .box_masks import BoxMask as BoxMask
from .box_masks import mask_in_box as mask_in_box
from .cuts import cut_annotated as cut_annotated
