"""Feedback matrices B and forward weights W: how they are drawn and kept."""

from dfa_lab.learning.feedback.inits import FEEDBACK_INITS, Site
from dfa_lab.learning.feedback.sampling import check_drawing, draw_magnitude, draw_matrix, mirror_noise, shuffled
from dfa_lab.learning.feedback.store import STORES, Feedback
from dfa_lab.learning.feedback.weight_inits import WEIGHT_INITS
