from .files import read_as_served as read_as_served
from .files import servable_file as servable_file
from .formats import MAX_FILE_BYTES as MAX_FILE_BYTES
from .formats import SERVED_FORMATS as SERVED_FORMATS
from .graph import preprocess as preprocess
