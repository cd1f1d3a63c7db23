"""FeedbackStore: the feedback matrices of one network, as buffers of its modules: drawn, redrawn, counted, loaded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.feedback.inits import Site
from dfa_lab.learning.feedback.own_inits import as_inits
from dfa_lab.learning.feedback.sampling import check_drawing, draw_magnitude, draw_matrix, mirror_noise
from dfa_lab.learning.ops import each, each_seed
from dfa_lab.learning.rules import Rule, UpdateContext

#: The families of matrices a network can hold for its rules: see ``Rule.store``.
STORES = ("layerwise", "direct", "drawn_magnitude", "redrawn_magnitude", "constant_magnitude")


@dataclass(frozen=True)
class Slot:
    """The place of one feedback matrix: buffer ``name`` of ``owner``, for rules of one ``store``.

    ``number`` is the matrix's own among those of its store (tied weights share one), ``label`` the name of the layer or
    feedback point. ``draw`` makes the matrix, in the dtype and on the device of ``like``; ``shape`` is None where it
    depends on a forward pass. ``title`` is what ``dfa.feedback`` calls the matrix.
    """

    owner: nn.Module
    name: str
    store: str
    number: int
    label: str
    like: Tensor
    shape: tuple[int, ...] | None
    draw: Callable[[], Tensor]
    title: str = ""

    @property
    def matrix(self) -> Tensor | None:
        """The matrix, None where no rule has used it yet."""
        return self.owner._buffers.get(self.name)

    @property
    def known_shape(self) -> tuple[int, ...] | None:
        """Its shape; None for direct feedback that no forward pass has drawn yet."""
        return self.shape if self.matrix is None else tuple(self.matrix.shape)


@dataclass(frozen=True)
class Place:
    """One matrix as ``dfa.feedback`` has it: its ``names``, several where weights are tied, and its ``slots``.

    ``needed`` says that a rule in use works with it.
    """

    names: tuple[str, ...]
    slots: tuple[Slot, ...]
    needed: bool


class FeedbackStore(ABC):
    """A network's feedback, and how it is drawn: by ``init``, ``scale`` and ``seed``, magnitudes by ``weight_init``.

    Matrices are buffers: saved and moved with the network, never trained. Each store is drawn when a rule first needs
    it and kept from then on, so that a rule which is switched away and back finds its matrices again. A subclass says
    where they lie (``slots``) and where optimizer steps that changed feedback are counted (``counter``, a module and a
    buffer's name). ``stale`` says that a step was counted since the magnitudes were drawn that each step draws anew.
    With ``replicas`` every matrix has a leading K; replica k is drawn with ``seed + k``, or with its own of a sequence
    of seeds, scales or inits. ``own`` are the slots, by label and name, whose matrices were set by hand, each with the
    number of the setting: they are kept until a redraw asks for them too.
    """

    init: Any
    scale: float | Sequence[float]
    seed: int | Sequence[int]

    def __init__(self, init: Any, scale: Any, seed: Any, weight_init: str, replicas: int | None = None) -> None:
        self.weight_init, self.replicas, self.stale = weight_init, replicas, False
        self.own: dict[tuple[str, str], int] = {}
        self._choose(init, scale, seed)

    @abstractmethod
    def slots(self, net: Any, stores: Collection[str] = STORES) -> list[Slot]:
        """Every place for a matrix of ``stores`` in ``net``, whether it is drawn or not."""

    def matrix(self, net: Any, store: str, number: int) -> Tensor | None:
        """The matrix ``number`` of a store; None where no rule has used it yet."""
        return next((slot.matrix for slot in self.slots(net, (store,)) if slot.number == number), None)

    @abstractmethod
    def counter(self, net: Any) -> tuple[nn.Module, str]:
        """The module and the name of the buffer that counts steps."""

    def _choose(self, init: Any, scale: Any, seed: Any) -> None:
        init = as_inits(init)
        inits, scales = each("feedback_init", init, self.replicas), each("feedback_scale", scale, self.replicas)
        drawings = list(zip(inits, scales, each_seed("feedback_seed", seed, self.replicas), strict=True))
        for drawing in drawings:
            check_drawing(*drawing)
        self.init, self.scale, self.seed, self._drawings = init, scale, seed, drawings

    def drawn(self, net: Any, store: str, site: Site, transported: Tensor | None = None) -> Tensor:
        """A matrix for ``site``, times the scale: float64 on the CPU, (K, …) with replicas.

        ``transported`` is what BP carries the signal with there, in the layout of the site, for inits that look at it.
        """
        own = None if transported is None else transported.detach().to("cpu", torch.float64)
        draws = []
        for replica, (init, scale, seed) in enumerate(self._drawings):
            if store.endswith("magnitude"):
                draw = draw_magnitude(self.weight_init, site.shape, store, site.layer, seed, self.steps_counted(net))
            else:
                here = own if self.replicas is None or own is None else own[replica]
                draw = draw_matrix(init, replace(site, transported=here), seed)
            draws.append(draw * scale)
        return draws[0] if self.replicas is None else torch.stack(draws)

    def is_own(self, slot: Slot) -> bool:
        """Whether the matrix was set by hand."""
        return (slot.label, slot.name) in self.own

    def put(self, given: Mapping[Sequence[Slot], Tensor]) -> None:
        """Set the matrices of slots, those that share one together, and keep them through redraws."""
        number = max(self.own.values(), default=0) + 1
        for slots, matrix in given.items():
            for slot in slots:
                self.own[slot.label, slot.name] = number
                if slot.matrix is None:
                    slot.owner.register_buffer(slot.name, matrix)
                else:
                    slot.matrix.copy_(matrix)

    def redraw(
        self,
        net: Any,
        init: Any = None,
        scale: Any = None,
        seed: Any = None,
        unused: Collection[str] = (),
        own: bool = False,
    ) -> None:
        """Draw all matrices anew, in place; what is not given stays as it was. An error changes none of them.

        Matrices that were set by hand stay, unless ``own`` says that they are drawn too.
        ``unused`` are labels of feedback points that no rule uses: a matrix there that cannot be drawn is dropped.
        """
        before = self.init, self.scale, self.seed, self._drawings
        self.tie(net)
        fresh, dropped = [], []
        owner, name = self.counter(net)
        counted = self.steps_counted(net)
        try:
            if counted:  # magnitudes follow from the seed and the count, which begins anew
                owner.get_buffer(name).zero_()
            self._choose(*(own if new is None else new for own, new in zip(before, (init, scale, seed), strict=False)))
            for slot in self.slots(net):
                if not own and self.is_own(slot):
                    continue
                try:
                    fresh += [] if slot.matrix is None else [(slot.matrix, slot.draw())]
                except DfaLabError:
                    if slot.store != "direct" or slot.label not in unused:
                        raise
                    dropped.append(slot)
        except BaseException:  # Ctrl-C too
            self.init, self.scale, self.seed, self._drawings = before
            if counted:
                owner.get_buffer(name).fill_(counted)
            raise
        for matrix, drawn in fresh:
            matrix.copy_(drawn)
        self.own = {} if own else self.own
        for slot in dropped:
            del slot.owner._buffers[slot.name]

    def tie(self, net: Any) -> None:
        """Let tied weights share one matrix again: ``.to()`` and loading give each layer a copy."""
        first: dict[tuple[str, int], Tensor] = {}
        for slot in self.slots(net):
            if slot.matrix is not None:
                slot.owner._buffers[slot.name] = first.setdefault((slot.store, slot.number), slot.matrix)

    def freshen(self, net: Any) -> None:
        """Draw the magnitudes anew that each step draws anew, if a step was counted since they were.

        They follow from the seed and the number of steps alone, so that a resumed run draws the same.
        """
        if not self.stale:
            return
        self.stale = False
        self.tie(net)
        for slot in self.slots(net, ("redrawn_magnitude",)):
            if slot.matrix is not None and not self.is_own(slot):
                slot.matrix.copy_(slot.draw())

    def noise(self, net: Any, layer: int, shape: tuple[int, int], like: Tensor) -> Tensor:
        """N(0, 1) of ``shape``, with replicas (K, …), for the step that was counted last; the same if asked again."""
        draws = [mirror_noise(seed, layer, self.steps_counted(net), shape) for _, _, seed in self._drawings]
        return (draws[0] if self.replicas is None else torch.stack(draws)).to(like)

    def update_context(
        self,
        net: Any,
        rule: Rule,
        weights: Mapping[int, Tensor],
        matrices: Sequence[Tensor],
        before: Mapping[int, Tensor],
        correlations: Sequence[Tensor] = (),
    ) -> UpdateContext:
        """What ``rule`` needs to change ``matrices``, those of the ``weights`` (by their numbers), after a step."""
        numbers, carried = list(weights), [weight.detach() for weight in weights.values()]

        def noise(place: int, samples: int) -> Tensor:
            like = carried[place - 1]
            columns = like[0].numel() if self.replicas is None else like.shape[-1]
            return self.noise(net, numbers[place - 1], (samples, columns), like)

        earlier = [before[number] for number in numbers if number in before]
        return UpdateContext(carried, earlier, matrices, correlations, noise, rule.decay, rule.rank)

    def steps_counted(self, net: Any) -> int:
        """How many optimizer steps have changed feedback since it was drawn."""
        owner, name = self.counter(net)
        return int(owner.get_buffer(name)) if name in owner._buffers else 0

    def count_step(self, net: Any) -> None:
        """Count one more; ``state_dict`` has the number from the first time on."""
        self._begin_counting(net).add_(1)
        self.stale = True

    def _begin_counting(self, net: Any) -> Tensor:
        owner, name = self.counter(net)
        if name not in owner._buffers:
            owner.register_buffer(name, torch.zeros((), dtype=torch.int64, device=next(net.parameters()).device))
        return owner.get_buffer(name)

    def buffers_of(self, net: Any) -> dict[str, Tensor]:
        """All feedback there is, and the count, by its key in ``net.state_dict()``; a module may have several names."""
        owner, name = self.counter(net)
        held = {id(slot.matrix) for slot in self.slots(net)} | {id(owner._buffers.get(name))}
        return {key: one for key, one in net.named_buffers(remove_duplicate=False) if id(one) in held}

    def complete(self, net: nn.Module, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        """After ``state`` was made: put in the feedback of layers whose class writes its own parameters and no more."""
        for key, one in self.buffers_of(net).items():
            state.setdefault(f"{prefix}{key}", one.detach())

    def make_room(self, net: nn.Module, state: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Before ``state`` is loaded: register a buffer for all feedback in it that no rule has used here yet."""
        self.stale = True
        modules = {path: id(module) for path, module in net.named_modules(remove_duplicate=False)}
        keys: dict[tuple[int | None, str], str] = {}  # by the module they belong to, and the name there
        for key in [key for key in map(str, state) if key.startswith(prefix)]:
            path, _, name = key.removeprefix(prefix).rpartition(".")
            keys[modules.get(path), name] = key
        owner, name = self.counter(net)
        if (id(owner), name) in keys:
            self._begin_counting(net)
        for slot in self.slots(net):
            held = keys.get((id(slot.owner), slot.name))
            if held is not None and slot.matrix is None:
                slot.owner.register_buffer(slot.name, slot.like.new_zeros(slot.shape or state[held].shape))
