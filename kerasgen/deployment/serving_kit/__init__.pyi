from .kit import ENVIRONMENT as ENVIRONMENT
from .kit import KIT as KIT
from .kit import write_kit as write_kit
from .warmup import WARMUP as WARMUP
from .warmup import write_warmup as write_warmup
