"""convert: make any ``nn.Module`` learn by a rule."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from dfa_lab.errors import DfaLabError, known_keywords, layers_in_words, shown
from dfa_lab.learning.activations import Derivative
from dfa_lab.learning.feedback import WEIGHT_INITS, FeedbackChoice
from dfa_lab.learning.interface import Output, check_output
from dfa_lab.learning.layers import without_made
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.modules.activation_layers import RuledActivation
from dfa_lab.learning.modules.error_projection import Sharing
from dfa_lab.learning.modules.feedback_buffers import ModuleFeedback
from dfa_lab.learning.modules.feedback_points import find_points
from dfa_lab.learning.modules.hooks import Conversion
from dfa_lab.learning.modules.layer_types import carried_parameters, converted_class
from dfa_lab.learning.modules.layers import RuledLayer
from dfa_lab.learning.modules.layouts import Layouts
from dfa_lab.learning.modules.network import ATTRIBUTE, Converted
from dfa_lab.learning.rules import IN_A_RULE
from dfa_lab.registry import Choice

#: Of a list of modules given as a feedback point an error names so many.
MOST_ITEMS = 12


@known_keywords(elsewhere=IN_A_RULE)
def convert(
    module: nn.Module,
    rule: Any = "fa",
    *,
    points: Sequence[str] | None = None,
    feedback_init: FeedbackChoice = "uniform",
    feedback_scale: float = 1.0,
    feedback_seed: int = 0,
    activation_derivative: Choice | Derivative = "exact",
    weight_init: str = "torch",
    sharing: Sharing = "auto",
    maps: bool | None = None,
    output: Output = None,
    example: Any = None,
    inplace: bool = False,
) -> nn.Module:
    """A copy of ``module`` that learns by ``rule``; with ``inplace=True`` the module itself. Forward stays as it is.

    Parameters, their names and values, dtype, device, hooks and mode are the module's. Its layers become subclasses of
    their own classes that hold feedback as buffers, so that ``state_dict`` has the original's keys and the feedback's.

    - ``rule``: a name in RULES, a name with parameters, or a mapping of layer and point names or patterns (``"conv*"``)
      to them; what no pattern matches learns by BP. A layerwise rule carries δ through each layer's own B, in the
      layout of its weight: the first layer's is used only where the network's input needs a gradient.
    - ``points``: where direct rules deliver, names of modules; by default after each activation or block of a chain
      (``feedback_points.py``). Inside a block autograd, between blocks the rule. A point that gives several tensors,
      in a tuple (a cell), a mapping or a dataclass, receives its signal in the first floating one; the others are cut.
      A module used several times is one point with one B.
    - ``sharing``: "flat" gives every entry of a map its own feedback, "shared" one to all positions, "auto" flat for
      maps and shared for sequences (``error_projection.py``).
    - ``maps``: whether all tensors with three dimensions are maps (N, C, L), or sequences (N, T, C). By default they
      are sequences; where the module holds a 1-d convolution, each is read by itself, by the layers that it comes from
      (``layouts.py``). Everything is batch first.
    - ``feedback_init``, ``feedback_scale``, ``feedback_seed`` as in ``MLP`` (matrices by name: ``dfa.set_feedback``);
      ``weight_init`` is the family of the sign-concordant rules' magnitudes, by default U(±1/√fan_in), what torch's
      linear layers and convolutions draw.
    - ``activation_derivative``: the g of the module's activation layers, or a mapping of their names or patterns to
      one each, "exact" where none matches; functional calls cannot be seen.
    - ``output``: where the output is when the network returns more than one tensor: a key, an attribute's name
      ("logits"), an index, or a function of what is returned. Direct rules take the error there, and put that tensor
      in its place again; ``audit``, ``measure_alignment``, ``Experiment`` and ``Monitor`` give it to the loss.
    - ``example``: a batch of inputs, several in a tuple or a mapping of arguments, to draw direct feedback at once;
      without it, the first forward pass does.

    ``state_dict`` keys of the feedback: ``<layer>.<store>_<parameter>`` with store layerwise, drawn_magnitude,
    redrawn_magnitude or constant_magnitude, ``<point>.direct_output``, and ``feedback_steps``; which of them there are
    depends on the rules used so far. A state loads strictly into a network converted from the same module.

    Raises ``DfaLabError`` for what is no module or cannot be copied, an unknown name, patterns and points that match
    nothing, a list of modules as a point, and, all in one error, the layers that cannot carry δ by the rule.

    >>> import dfa_lab as dfa
    >>> net = dfa.convert(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), "dfa")
    >>> net(torch.ones(3, 4)).shape, net[1].direct_output.shape
    (torch.Size([3, 2]), torch.Size([2, 8]))
    """
    _check(module)
    if inplace:
        if example is not None:  # what fails must not leave it half converted
            trial = copy.deepcopy(module)
            drawing: Any = {"feedback_init": feedback_init, "sharing": sharing, "maps": maps}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they come again
                convert(trial, rule, points=points, output=output, example=example, **drawing)
        net = module
    else:
        try:
            net = copy.deepcopy(module, without_made(module))
        except Exception as reason:
            raise DfaLabError(f"the module cannot be copied: {reason} Use convert(…, inplace=True).") from reason
    WEIGHT_INITS[weight_init]
    check_output(output)
    if sharing not in ("auto", "flat", "shared"):
        raise DfaLabError(f"sharing was given as {shown(sharing)}; expected 'auto', 'flat' or 'shared'.")
    searched = points is None
    points = find_points(net) if points is None else _checked_points(net, points)
    buffers = ModuleFeedback(
        {name: found for name, layer in net.named_modules() if (found := carried_parameters(layer))},
        points,
        init=feedback_init,
        scale=feedback_scale,
        seed=feedback_seed,
        weight_init=weight_init,
        sharing=sharing,
        layouts=Layouts(net, points, maps),
    )
    conversion = Conversion(buffers, output, searched)
    converted = Converted(net, conversion)
    chosen = converted.resolve(rule)
    converted.check_derivative(activation_derivative)
    buffers.need(net, chosen)
    _change_classes(net)
    setattr(net, ATTRIBUTE, conversion)
    conversion.register(net)
    converted.set_rule(rule)
    converted.set_derivative(activation_derivative)
    if example is not None:
        converted.try_out(example)
    return net


def _check(module: Any) -> None:
    if not isinstance(module, nn.Module):
        raise DfaLabError(f"convert was given a {type(module).__name__}; expected a torch.nn.Module.")
    if isinstance(module, MLP):
        raise DfaLabError("convert was given a dfa_lab MLP, which learns by a rule already: use dfa.set_rule(net, …).")
    if any(ATTRIBUTE in one.__dict__ for one in module.modules()):
        raise DfaLabError(
            "convert was given a network that is converted already: use dfa.set_rule(net, …); for other "
            "points, sharing or maps convert the original again."
        )
    wrapped = isinstance(module, (nn.parallel.DistributedDataParallel, nn.DataParallel)) or hasattr(module, "_orig_mod")
    if wrapped or isinstance(module, torch.jit.ScriptModule):
        raise DfaLabError(
            f"convert was given a {type(module).__name__}; convert the module itself first, and wrap or compile the "
            "result (a scripted module cannot be converted)."
        )
    if scripted := _names(module, lambda one: isinstance(one, torch.jit.ScriptModule)):
        raise DfaLabError(
            f"{scripted}: scripted, so that no rule reaches what is inside; convert the module before torch.jit.script."
        )
    if lazy := _names(module, lambda one: any(map(nn.parameter.is_lazy, one.parameters(recurse=False)))):
        raise DfaLabError(f"{lazy}: no weights yet; run one batch through the network first, then convert it.")
    if complexes := _names(module, lambda one: any(map(torch.is_complex, one.parameters(recurse=False)))):
        raise DfaLabError(
            f"{complexes}: complex parameters, for which the rules are not defined; hold real and imaginary parts in "
            "real layers."
        )
    if not any(True for _ in module.parameters()):
        raise DfaLabError("convert was given a module without parameters; there is nothing that could learn.")


def _names(root: nn.Module, holds: Callable[[nn.Module], bool]) -> str:
    """The names of the modules for which something holds, "" for none."""
    return ", ".join(name or "the module itself" for name, one in root.named_modules() if holds(one))


def _checked_points(net: nn.Module, points: Sequence[str]) -> list[str]:
    if isinstance(points, str) or not isinstance(points, Sequence) or not all(isinstance(one, str) for one in points):
        raise DfaLabError(
            f"points were given as {shown(points)}; expected a sequence of module names: {shown([points])}."
        )
    known = [name for name, _ in net.named_modules() if name]
    unknown = [name for name in points if name not in known]
    if unknown or len(set(points)) != len(points):
        listed, question = layers_in_words(unknown, known)
        raise DfaLabError(
            f"points were given as {shown(list(points))}; expected names of modules, each once. "
            f"{'No module is called ' + ', '.join(map(shown, unknown[:100])) + f'.{question} ' if unknown else ''}"
            f"Modules: {listed}."
        )
    if idle := [name for name in points if not _has_forward(net.get_submodule(name))]:
        raise DfaLabError(
            f"points were given as {shown(list(points))}; expected modules that are called. "
            f"{' '.join(_never_called(net, name) for name in idle)}"
        )
    return list(points)


def _has_forward(module: nn.Module) -> bool:
    """Whether a module can be called; torch's lists and mappings of modules cannot."""
    return getattr(module.forward, "__func__", None) is not nn.Module.forward


def _never_called(net: nn.Module, name: str) -> str:
    """What an error says of the module called ``name``, which has no forward pass."""
    module = net.get_submodule(name)
    items = [shown(f"{name}.{item}") for item, _ in module.named_children()]
    more = ", …" if len(items) > MOST_ITEMS else ""
    instead = f"name its items: {', '.join(items[:MOST_ITEMS])}{more}." if items else "leave it out."
    return f"{shown(name)} is a {type(module).__name__}, which is never called itself; {instead}"


def _change_classes(net: nn.Module) -> None:
    for module in net.modules():
        kind = converted_class(module)
        if kind is not None:
            module.__class__ = kind
            if isinstance(module, RuledLayer):
                module.sends_through = frozenset()
            if isinstance(module, RuledActivation):
                module.set_derivative("exact")
