from .formats import SERVED_FORMATS as SERVED_FORMATS
from .graph import preprocess as preprocess
