"""What a trained network says and does: predictions, mistakes, decision surfaces, phases of a step, its drawn state."""

from dfa_lab.experiment.inspection.decision_surface import Surface, has_surface, surface_of
from dfa_lab.experiment.inspection.layer_state import Angles, Chance, LayerSample, LayerState
from dfa_lab.experiment.inspection.misclassified import Mistakes, has_pictures, mistakes_of
from dfa_lab.experiment.inspection.network_state import MOST_UNITS, NetworkState, network_state
from dfa_lab.experiment.inspection.shown_sample import SampleState
from dfa_lab.experiment.inspection.similarity import UNTRAINED, similarity
from dfa_lab.experiment.inspection.step_phases import phases
from dfa_lab.experiment.inspection.unit_numbers import NumberLine, UnitNumbers, unit_numbers
