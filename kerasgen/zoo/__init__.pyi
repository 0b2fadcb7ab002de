from .building import rebuild as rebuild
from .catalogue import ZooModel as ZooModel
from .catalogue import zoo_models as zoo_models
from .loading import load as load
from .presets import save_preset as save_preset
