"""What flows through the modules of a network in one pass, call by call."""

from dfa_lab.learning.recording.calls import Call, Clones, Ends, at_signals, watched
from dfa_lab.learning.recording.no_side_effects import copied_buffers, full_precision, savable, side_effect_free
