from .export import export_classifier as export_classifier
from .export import export_generator as export_generator
from .export import export_refiner as export_refiner
from .export import export_translator as export_translator
from .savedmodel import check_export as check_export
from .served_model import ServedModel as ServedModel
from .synthesis import synthesize as synthesize
