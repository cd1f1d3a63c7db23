"""What a trained network says: predictions, mistakes, decision surfaces, the phases of a step."""

from dfa_lab.experiment.inspection.decision_surface import Surface, has_surface, surface_of
from dfa_lab.experiment.inspection.misclassified import Mistakes, has_pictures, mistakes_of
from dfa_lab.experiment.inspection.step_phases import phases
