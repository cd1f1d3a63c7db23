"""Pictures of the run at this step."""

from dfa_lab.widgets.pictures.picture_part import FIRST, NONE, PicturePart
from dfa_lab.widgets.pictures.still import still
