"""One sample through an MLP and back: by its rule and by BP, with all that the equations make on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from dfa_lab.errors import DfaLabError, whole_number
from dfa_lab.experiment.measurement import checked_replica
from dfa_lab.experiment.run import Experiment, Trainer
from dfa_lab.experiment.training import MLPLearner
from dfa_lab.learning.alignment import by_backpropagation
from dfa_lab.learning.mlp import Layers, Pass, downstream, equations
from dfa_lab.learning.ops import Loss
from dfa_lab.learning.rules import Lesson

Found = list[Tensor | None]


@dataclass(frozen=True, eq=False)
class SamplePass:
    """A batch of one sample in one replica; legend as in ``equations``, rows are (1, n_l).

    ``target`` is as the task has it, (1,) or (1, n_out). ``sent`` is what a direct rule broadcasts, None for others.
    ``received``, ``slopes`` and ``deltas`` are of each hidden layer, first layer first, ``deltas`` of the output too;
    None where nothing is received. ``bp_received`` and ``bp_deltas`` are BP's. In a batch of N samples under a mean
    loss e, and all that comes of it, is 1/N of what it is here.
    """

    layers: Layers
    target: Tensor
    seen: Pass
    error: Tensor
    sent: Tensor | None
    received: Found
    slopes: list[Tensor]
    deltas: Found
    bp_received: Found
    bp_deltas: Found

    @classmethod
    def of(cls, layers: Layers, inputs: Tensor, target: Tensor, loss: Loss) -> SamplePass:
        """The pass of ``inputs`` (1, n_0) through one network; nothing in it is changed."""
        seen = equations.forward(layers, inputs)
        _, error = loss.value_and_error(seen.output, target)
        lesson = equations.lesson_for(layers.rule, seen, target, loss)
        pairs = zip(seen.preactivations[:-1], seen.activities[1:-1], strict=True)
        slopes = [layers.slope_at(number)(a, h) for number, (a, h) in enumerate(pairs)]
        known = {id(a): slope for a, slope in zip(seen.preactivations, slopes, strict=False)}
        # The slope shown is the one used, where a g of the user's gives another number each time.
        own = replace(layers, slope=lambda a, h: known[id(a)], slopes=())
        received, deltas = _backward(own, seen, error, lesson)
        bp_received, bp_deltas = _backward(by_backpropagation(layers), seen, error, None)
        sent = layers.rule.received(error, lesson)
        return cls(layers, target, seen, error, sent, received, slopes, deltas, bp_received, bp_deltas)

    @property
    def hidden(self) -> int:
        """How many hidden layers there are."""
        return len(self.slopes)

    def carried(self, layer: int) -> Tensor | None:
        """The matrix that carries the signal to hidden ``layer`` (from 1), as it is used now; None where none does.

        Laid out as torch's: (n_{l+1}, n_l) for a layerwise rule, (n_out, n_l) for a direct one.
        """
        matrix, weights = self.layers.backward_matrix(layer - 1), self.layers.weights
        source = weights[layer] if self.sent is None else weights[-1]
        return None if matrix is None else matrix.expand(len(source), weights[layer].shape[-1])

    def partner(self, layer: int) -> Tensor:
        """What BP has in that matrix's place: W_{l+1}, or for a direct rule the product W_L … W_{l+1}."""
        return downstream(self.layers.weights, layer, self.layers.rule.route)


def _backward(layers: Layers, seen: Pass, error: Tensor, lesson: Lesson | None) -> tuple[Found, Found]:
    signals: list[Tensor] = []
    deltas = equations.deltas(layers, seen, error, lesson, signals)
    nothing: Found = [None] * (len(deltas) - 1 - len(signals))
    return [*nothing, *reversed(signals)], deltas


def sample_pass(experiment: Experiment, trainer: Trainer, sample: int, replica: int) -> SamplePass:
    """The pass of sample ``sample`` of the probe batch through an MLP's run, which is held. Nothing in it is changed.

    Raises ``DfaLabError`` for a run of a module, and for a sample or replica that is none.
    """
    learner = trainer.learner
    if not isinstance(learner, MLPLearner):
        raise DfaLabError(
            "the numbers of a unit were asked for of a module's run; only the equations of an MLP are known unit by "
            "unit: use an Experiment without module=."
        )
    replica = checked_replica(experiment.settings, replica)
    whole_number("sample", sample, 0, len(trainer.probe) - 1)
    layers = learner.layers if experiment.settings.replicas is None else learner.layers.of_replica(replica)
    return SamplePass.of(layers, *trainer.probe.sample(sample), learner.loss)
