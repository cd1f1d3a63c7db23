"""NetworkState: a run's network as a picture shows it: layers, the way of the error, angles, one sample's numbers.

The angles are those that the history has; only the one sample goes through the network, so that a picture can ask
several times a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dfa_lab.errors import whole_number
from dfa_lab.experiment.inspection.layer_state import Angles, LayerState, angles_of, mlp_layer, spread
from dfa_lab.experiment.inspection.network_layout import converted_places, mlp_places, noted_slopes
from dfa_lab.experiment.inspection.sample_pass import sample_pass
from dfa_lab.experiment.inspection.shown_sample import SampleState, sample_state
from dfa_lab.experiment.inspection.unit_numbers import uses_own_slope
from dfa_lab.experiment.measurement import ALIGNMENT, checked_replica
from dfa_lab.experiment.run import Experiment, Trainer
from dfa_lab.experiment.training import MLPLearner
from dfa_lab.learning.modules import conversion_of
from dfa_lab.learning.recording import copied_buffers
from dfa_lab.learning.rules import RULES
from dfa_lab.registry import per_layer

#: Units of a layer that are drawn where nothing else is asked for, and at most.
MOST_UNITS, LARGEST = 16, 256


@dataclass(frozen=True, eq=False)
class NetworkState:
    """One replica of a run after ``step`` updates; the angles are those measured at ``measured_at``.

    ``measured_at`` is None before any, and right after a change of rule, feedback or derivative until the first under
    the new one. ``rule`` is the rule's label and ``title`` its full name, ``name`` the run's. ``sends`` is what goes
    out from the output: "e", "sign(e)", "t" for the targets, "" where no hidden layer receives anything. ``layers`` are
    the hidden layers and the output, which comes last.
    """

    step: int
    measured_at: int | None
    rule: str
    title: str
    name: str
    replica: int
    sends: str
    layers: tuple[LayerState, ...]
    sample: SampleState


def network_state(
    experiment: Experiment, *, sample: int = 0, replica: int = 0, most_units: int = MOST_UNITS
) -> NetworkState:
    """The network of a run at this step, with sample ``sample`` of its probe batch; the run is not changed.

    Of a layer with more than ``most_units`` units so many are drawn, evenly spread. One sample goes through the
    network, forward, and back by the rule and by BP; of a converted network forward only, in eval mode, and its layers
    have no tensors. Raises ``DfaLabError`` for a sample, replica or number of units that is none.

    >>> import dfa_lab as dfa
    >>> from dfa_lab.experiment.inspection import network_state
    >>> state = network_state(dfa.Experiment(task="moons", widths=(8, 40), rule="dfa"))
    >>> [(layer.place.name, layer.place.route, len(layer.units)) for layer in state.layers]
    [('layer 1', 'direct', 8), ('layer 2', 'direct', 16), ('output', 'output', 2)]
    """
    whole_number("most_units", most_units, 1, LARGEST)
    replica = checked_replica(experiment.settings, replica)
    with experiment.held() as trainer:
        count = len(trainer.probe)
        batch = trainer.probe.sample(whole_number("sample", sample, 0, count - 1))
        measured_at, learner = _measured_at(trainer), trainer.learner
        if isinstance(learner, MLPLearner):
            found = sample_pass(experiment, trainer, sample, replica)
            places, answer = mlp_places(found.layers), (found.seen.output, found.error)
        else:
            found, converted = None, conversion_of(learner.net)
            with copied_buffers(converted), noted_slopes(converted) as replaced:
                output = learner.output(batch[0])
            places, answer = converted_places(converted), (output, learner.loss.value_and_error(output, batch[1])[1])
        units = [spread(place.size, most_units) for place in places]
        shown = sample_state(trainer.task, sample, count, batch, answer, units[-1], most_units)
        layers = []
        for number, place in enumerate(places, 1):
            angles, output_layer = _angles(trainer, number, replica, measured_at), place.route == "output"
            if found is None:
                own = output_layer or place.name not in replaced
                layers.append(LayerState(place, number, units[number - 1], angles, own))
            else:
                own = output_layer or uses_own_slope(experiment.settings, str(number), replica)
                layers.append(mlp_layer(found, place, number, [shown.units, *units], angles, own))
        return NetworkState(
            step=experiment.steps_done,
            measured_at=measured_at,
            rule=RULES.label(experiment.settings.rule),
            title=_title(experiment.settings.rule),
            name=experiment.history.name,
            replica=replica,
            sends=next((one.rule.sends for one in places if one.route not in ("none", "output")), ""),
            layers=tuple(layers),
            sample=shown,
        )


def _measured_at(trainer: Trainer) -> int | None:
    """The step of the newest angles; None where they belong to a rule, feedback or derivative no longer in force."""
    newest = trainer.history.newest("gradient_alignment", 1)
    restart, asked = trainer.pending.restart, trainer.pending.probe
    if newest is None or newest[0] < restart:
        return None
    # At the step of a change the history has the angles before it; they are due anew until measured, also by hand.
    former = asked and bool(trainer.recorder.missing({ALIGNMENT}))
    return None if former else newest[0]


def _angles(trainer: Trainer, layer: int, replica: int, measured_at: int | None) -> Angles:
    if measured_at is None:
        return Angles()
    # A pending band is one that a change has made another.
    return angles_of(trainer.history, layer, replica, chance=not trainer.pending.chance)


def _title(choice: Any) -> str:
    chosen = list(choice.values()) if per_layer(choice) else [choice]
    return " + ".join(dict.fromkeys(RULES.resolve(one).title for one in chosen))
