"""MLP: a fully connected network in the autograd form, that learns by any rule under any torch loss and optimizer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError, known_keywords, shown, whole_number
from dfa_lab.learning.activations import (
    Activation,
    Derivative,
    are_torchs_own,
    kept,
    layer_slopes,
    resolve_activation,
    slope_of,
)
from dfa_lab.learning.feedback import WEIGHT_INITS, FeedbackChoice, Place
from dfa_lab.learning.mlp.equations import Layers
from dfa_lab.learning.mlp.feedback_buffers import Feedback
from dfa_lab.learning.mlp.input_checks import check_inputs, checked_widths
from dfa_lab.learning.mlp.plain_pass import affine, plain_pass
from dfa_lab.learning.ops import (
    MOST_NETWORKS,
    check_that_something_gets_out,
    each_seed,
    functional,
    fused_linear,
    generator,
    is_same,
    pays_to_fuse,
)
from dfa_lab.learning.rules import (
    BP,
    IN_A_RULE,
    RULES,
    Direct,
    Layerwise,
    Lesson,
    average_over_processes,
    given_lesson,
    warn_unless_attached,
)
from dfa_lab.registry import Choice, misspelt_name, per_layer


class MLP(nn.Module):
    """``widths[0]`` inputs, hidden layers of ``widths[1:-1]``, ``widths[-1]`` linear outputs; learns by ``rule``.

    Every choice is a name of its registry (rule: RULES, activation: ACTIVATIONS, feedback_init: FEEDBACK_INITS, a
    function like those in it, or a matrix where all have its shape, weight_init: WEIGHT_INITS);
    ``activation_derivative`` as in ``dfa.set_derivative``. ``feedback_scale`` multiplies the init's own standard.
    ``seed`` draws the weights, ``feedback_seed`` the feedback, each by itself.

    ``replicas=K`` holds K networks side by side: weights (K, n_out, n_in), outputs (K, N, n_out) for inputs (N, n_in)
    or (K, N, n_in). The seeds, ``feedback_init``, ``feedback_scale`` and ``activation_derivative`` may then be
    sequences of length K; else replica k has ``seed + k``, ``feedback_seed + k`` and the rest in common. Replica k is
    the single network with those, to rounding: products of many differ in the last bits, and ``stochastic_sign`` makes
    other noise of them.

    ``state_dict`` keys: ``weights.i`` and ``biases.i`` (i from 0), and for each route a rule has used
    ``feedback.layerwise_l`` (layout of W_{l+1}) or ``feedback.direct_l`` (n_out, n_l), l the hidden layer, from 1; the
    sign-concordant rules' magnitudes are ``feedback.drawn_magnitude_l``, ``feedback.redrawn_magnitude_l`` and
    ``feedback.constant_magnitude_l``, and ``feedback.steps`` counts how often feedback was changed by a step.
    Feedback is a buffer: saved and moved with the network, never trained.

    Raises ``DfaLabError`` for widths that make no network, for an unknown name, and for inputs of another width.

    >>> import dfa_lab as dfa
    >>> net = dfa.MLP([4, 8, 8, 2], rule="fa", replicas=3)
    >>> net(torch.ones(5, 4)).shape
    torch.Size([3, 5, 2])
    """

    _preactivations: list[Tensor] | None = None  # a list here is given those of every pass
    true_gradients = False  # inside dfa.true_gradients: passes are torch's own

    @known_keywords(elsewhere=IN_A_RULE)
    def __init__(
        self,
        widths: Sequence[int],
        *,
        rule: Choice = "dfa",
        activation: str | Activation | Callable[[Tensor], Tensor] = "tanh",
        activation_derivative: Choice | Derivative | Sequence[Choice | Derivative] = "exact",
        feedback_init: FeedbackChoice | Sequence[FeedbackChoice] = "uniform",
        feedback_scale: float | Sequence[float] = 1.0,
        feedback_seed: int | Sequence[int] = 0,
        weight_init: str = "xavier",
        seed: int | Sequence[int] = 0,
        replicas: int | None = None,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.widths = checked_widths(widths)
        if replicas is not None:
            whole_number("replicas", replicas, 1, MOST_NETWORKS, instead="None")
        seeds = each_seed("seed", seed, replicas)
        self.replicas = replicas
        self.activation = resolve_activation(activation)
        shapes = list(zip(self.widths[1:], self.widths[:-1], strict=True))
        dtype = dtype or torch.get_default_dtype()
        weights = [self._draw_weight(number, shape, weight_init, seeds) for number, shape in enumerate(shapes, 1)]
        lead = () if replicas is None else (replicas,)
        self.weights = nn.ParameterList(weight.to(device=device, dtype=dtype) for weight in weights)
        self.biases = nn.ParameterList(torch.zeros(*lead, out, device=device, dtype=dtype) for out, _ in shapes)
        self.feedback = Feedback(self.widths, feedback_init, feedback_scale, feedback_seed, weight_init, replicas)
        self.lesson: tuple[Tensor, str] | None = None
        self.attached = 0  # how many optimizers' steps change the feedback
        self.averaged = False  # whether processes average what direct feedback learns from
        self.set_rule(rule)
        self.derivative: Any = None
        self.set_derivative(activation_derivative)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        self.feedback.make_room(self, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _draw_weight(self, number: int, shape: tuple[int, int], init: str, seeds: Sequence[int]) -> Tensor:
        draws = [WEIGHT_INITS[init](shape, generator(seed, "weights", number)) for seed in seeds]
        return draws[0] if self.replicas is None else torch.stack(draws)

    def set_rule(self, rule: Choice) -> None:
        """Learn by ``rule``, a choice of RULES, from the next forward pass on."""
        if per_layer(rule):
            what = f"rule was given as {shown(rule)}; an MLP has one rule for all its layers.{misspelt_name(rule)}"
            raise DfaLabError(f"{what} A rule for each takes dfa.convert(nn.Sequential(…), rule={{…}}).")
        chosen = RULES.resolve(rule)
        if chosen.needs_feedback:
            self.feedback.matrices(self, chosen.store)
        self.rule = chosen
        self._correlations: list[Tensor] = []

    def set_derivative(self, derivative: Choice | Derivative | Sequence[Choice | Derivative]) -> None:
        """Multiply every signal with ``derivative``, as ``dfa.set_derivative`` takes it, from the next pass on."""
        if is_same(self.derivative, derivative):
            return  # it may fail by now, and nobody asked for another
        self.slopes = layer_slopes(self.activation, derivative, self.replicas, len(self.widths) - 2)
        self._exact = are_torchs_own(self.activation, derivative, len(self.widths) - 2)
        self.derivative = kept(derivative)

    def redraw_feedback(self, init: Any = None, scale: Any = None, seed: Any = None, own: bool = False) -> None:
        """Draw all feedback anew; what is not given stays as it was, and what was set by hand unless ``own``."""
        self.feedback.redraw(self, init, scale, seed, own=own)

    @property
    def root(self) -> MLP:
        """The module that holds the parameters: the MLP itself."""
        return self

    def feedback_places(self) -> list[Place]:
        """Every matrix that ``dfa.feedback`` can name."""
        return self.feedback.places(self)

    def feedback_state(self) -> dict[str, Tensor]:
        """All feedback there is, by its key in ``state_dict``."""
        return self.feedback.buffers_of(self)

    def feedback_matrices(self) -> list[Tensor]:
        """The matrices in use, hidden layer 1 first; empty where the rule needs none."""
        return self.feedback.matrices(self, self.rule.store) if self.rule.needs_feedback else []

    def layers(self) -> Layers:
        """The same tensors, detached, as the equations take them: what they update in place, this network has."""
        exact_slope = slope_of(self.activation)
        return Layers(
            weights=[weight.detach() for weight in self.weights],
            biases=[bias.detach() for bias in self.biases],
            function=self.activation.apply,
            kernel=self.activation.kernel,
            slope=self.slopes[0] if self.slopes else exact_slope,
            slopes=self.slopes if len(set(map(id, self.slopes))) > 1 else (),
            exact_slope=exact_slope,
            rule=self.rule,
            feedback=self.feedback_matrices(),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (…, N, n_out), before any softmax, for inputs (…, N, n_in)."""
        self.check_inputs(inputs)
        if self.true_gradients:
            return plain_pass(self.activation, self.weights, self.biases, inputs)
        if self.training and torch.is_grad_enabled():
            warn_unless_attached([self.rule], self.attached)
            self.begin_step()
        rule, feedback = self.rule, self.feedback_matrices()
        h, hiddens = inputs, []
        inplace = self.activation.kernel if self._preactivations is None else None
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            matrix = None
            if number and isinstance(rule, Layerwise):  # by BP, gradients may be differentiated again
                carried = weight if rule is BP else weight.detach()
                matrix = rule.matrix(carried, feedback[number - 1] if feedback else None)
            if inplace is not None and number < len(self._exact) and self._exact[number] and pays_to_fuse(h, weight):
                h = fused_linear(h, weight, bias, weight if matrix is None else matrix, inplace)
            else:
                a = affine(h, weight, bias, matrix)
                if self._preactivations is not None:
                    self._preactivations.append(a := a.clone())
                if number == len(self.weights) - 1:
                    break
                h = self._activate(a, number)
            if rule.cuts_graph:
                hiddens.append(h)
                h = h.detach()
        return self._joined(rule, a, hiddens, feedback) if isinstance(rule, Direct) else a

    def _joined(self, rule: Direct, output: Tensor, hiddens: list[Tensor], feedback: list[Tensor]) -> Tensor:
        """The output in one graph node with the hidden activities, which get what ``rule`` sends."""
        if rule.listens:
            check_that_something_gets_out(rule.name, output)
        lesson = None
        if rule.needs_lesson:
            targets, reduction = given_lesson(self.lesson, rule.name)
            lesson = Lesson.of(targets, output, reduction)
        # Only a rule that listens keeps the activities: backward frees each with its layer.
        kept = [h.detach() for h in hiddens] if rule.listens else None

        def received(error: Tensor) -> Tensor:
            sent = rule.received(error, lesson)
            if kept is not None:
                self.listen(kept, sent.detach())
            return sent

        sending = [rule.matrix(None, matrix) for matrix in feedback]
        return functional.direct_feedback(output, hiddens, sending, received, rule.resized if rule.normalised else None)

    @contextmanager
    def unchanged(self) -> Iterator[list[Tensor]]:
        """Inside, as in eval mode, passes leave the network as it is; the list given gets every preactivation."""
        before = self.lesson, self.training, self._correlations, None, self.true_gradients
        self.training, self._preactivations, self.true_gradients = False, [], False
        try:
            yield self._preactivations
        finally:
            self.lesson, self.training, self._correlations, self._preactivations, self.true_gradients = before

    def listen(self, hiddens: Sequence[Tensor], error: Tensor) -> None:
        """Add eᵀ h_l of a batch, e as it is received, to what the next ``move_feedback`` changes the feedback by."""
        found = [self.rule.correlated(error, h) for h in hiddens]
        before = self._correlations or [torch.zeros_like(one) for one in found]
        self._correlations = [old + new for old, new in zip(before, found, strict=True)]

    def weights_before(self, stepped: Collection[int] | None = None) -> dict[int, Tensor]:
        """Copies of the weights whose feedback changes with them, by number: to be taken before an optimizer step.

        ``stepped`` are the ids of the parameters that the optimizer has; all where it is not given.
        """
        if self.rule.move is None:
            return {}
        own = [n for n, w in enumerate(self.weights) if n and w.requires_grad and (stepped is None or id(w) in stepped)]
        return {number: self.weights[number].detach().clone() for number in own}

    def begin_step(self) -> None:
        """Draw anew what the rule draws for every optimizer step, once for each that was counted."""
        if self.rule.magnitudes == "redrawn":
            self.feedback.freshen(self)

    def move_feedback(self, before: Mapping[int, Tensor]) -> None:
        """Let feedback that learns change, right after an optimizer step; ``before`` is from ``weights_before``.

        ``dfa.attach`` calls it for you. Rules whose feedback stays as it is take no notice.
        """
        if self.rule.changes_feedback:
            self.feedback.count_step(self)
        if self.rule.move is None:
            return
        if self.averaged:
            average_over_processes(self._correlations)
        numbers = sorted(before)
        if self.rule.listens:
            numbers = list(range(1, len(self.weights))) if self._correlations else []
        with torch.no_grad():
            weights, matrices = {number: self.weights[number] for number in numbers}, self.feedback_matrices()
            own = [matrices[number - 1] for number in numbers]
            self.rule.move(self.feedback.update_context(self, self.rule, weights, own, before, self._correlations))
        self._correlations = []

    def _activate(self, a: Tensor, number: int) -> Tensor:
        if self._exact[number]:
            return self.activation.function(a)
        return functional.activate(a, self.activation.function, self.slopes[number])

    def check_inputs(self, inputs: Tensor) -> None:
        """Raise ``DfaLabError`` where ``inputs`` cannot enter: no float tensor, another width, dtype, replicas; NaN."""
        check_inputs(inputs, self.widths[0], self.replicas, self.weights[0].dtype)

    def __getstate__(self) -> dict[str, Any]:
        """A copy is attached to no optimizer, and learns by its rule."""
        return {**self.__dict__, "attached": 0, "true_gradients": False}

    def extra_repr(self) -> str:
        """What print shows beside the parameters."""
        replicas = f", replicas={self.replicas}" if self.replicas is not None else ""
        return f"{'-'.join(map(str, self.widths))}, rule={self.rule.choice!r}{replicas}"
