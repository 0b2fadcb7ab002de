from .conversion import RUNTIMES as RUNTIMES
from .conversion import Converted as Converted
from .conversion import convert as convert
from .float_network import FloatNetwork as FloatNetwork
