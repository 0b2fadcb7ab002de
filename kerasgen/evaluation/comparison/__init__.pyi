from .compare import MEASURES as MEASURES
from .compare import NETWORK_AREA as NETWORK_AREA
from .compare import Comparison as Comparison
from .options import CompareOptions as CompareOptions
from .picture_sets import PictureSet as PictureSet
from .real_fake_classifier import CONFIG as CONFIG
from .real_fake_classifier import Network as Network
from .real_fake_classifier import held_out_accuracy as held_out_accuracy
