"""Pictures under the live curves."""

from dfa_lab.widgets.pictures.live_picture import LivePictures
