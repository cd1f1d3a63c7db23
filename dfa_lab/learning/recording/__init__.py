"""What flows through the modules of a network in one pass, call by call."""

from dfa_lab.learning.recording.calls import Call, Clones, at_signals, behind, watched
