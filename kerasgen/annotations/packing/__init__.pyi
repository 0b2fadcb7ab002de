from .packs import FORMATS as FORMATS
from .packs import INDEX as INDEX
from .packs import PackedFolder as PackedFolder
from .packs import pack_folder as pack_folder
