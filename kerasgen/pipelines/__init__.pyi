from .comparison import compare_in_pipeline as compare_in_pipeline
from .folders import fill_in_pipeline as fill_in_pipeline
from .running import check_shared as check_shared
