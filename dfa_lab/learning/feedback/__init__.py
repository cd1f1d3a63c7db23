"""Feedback matrices B and forward weights W: how they are drawn and kept."""

from dfa_lab.learning.feedback.inits import FEEDBACK_INITS, Site, largest_of
from dfa_lab.learning.feedback.own_inits import FeedbackChoice, GivenMatrix, as_inits, numbers_of
from dfa_lab.learning.feedback.sampling import draw_matrix, shuffled
from dfa_lab.learning.feedback.store import STORES, FeedbackStore, Place, Slot
from dfa_lab.learning.feedback.weight_inits import WEIGHT_INITS
