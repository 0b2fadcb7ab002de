from .answers import Answers as Answers
from .answers import answer_files as answer_files
from .answers import generate_pictures as generate_pictures
from .connection import Refused as Refused
from .connection import ServerError as ServerError
from .remote_model import RemoteModel as RemoteModel
