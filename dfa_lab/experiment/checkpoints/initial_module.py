"""A module that a run began with, as a file holds it: its tensors and how it is built, but not its code."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.checkpoints.packed_values import Packer, Unpacker
from dfa_lab.experiment.training import left_out, put_back
from dfa_lab.learning.modules import conversion_of, unwrapped
from dfa_lab.learning.networks import keep_feedback


def module_document(module: nn.Module, packer: Packer) -> dict[str, Any]:
    """``module`` as ``module_of`` makes it again from another of its kind."""
    own = None if unwrapped(module) is None else conversion_of(module).feedback.own
    return {
        "build": dict(_build(module)),
        "state": packer.pack(module.state_dict(), "module"),
        "buffers": packer.pack(left_out(module), "module"),
        "evaluating": [name for name, one in module.named_modules() if not one.training],
        "frozen": [name for name, one in module.named_parameters() if not one.requires_grad],
        "own": None if own is None else [[*key, number] for key, number in own.items()],
    }


def module_of(module: Any, document: Mapping[str, Any], unpacker: Unpacker) -> nn.Module:
    """A copy of ``module``, one built alike, with the tensors of the ``document``. ``DfaLabError`` for another."""
    if not isinstance(module, nn.Module):
        kind = document["build"]["the module itself"].split("(")[0]
        given = "none was given" if module is None else f"{shown(module)} was given"
        raise DfaLabError(
            f"it trains a module of your own ({kind}), whose code no file holds, and {given}; load it in "
            "Python, with a module that the same code makes: dfa.Experiment.load(path, module=…)."
        )
    built, state = dict(_build(module)), unpacker.unpack(document["state"])
    if "conversion" in document["build"] and "conversion" not in built:
        raise DfaLabError(
            "it trains a converted module, and the one given is not converted: convert it as before, "
            f"module=dfa.convert(…), with {document['build']['conversion']}."
        )
    for name in (*document["build"], *built):
        then, now = document["build"].get(name, "missing"), built.get(name, "missing")
        if then != now:
            raise DfaLabError(
                f"it trains another module than the one given: {name} was {then} there, and is {now} here; give "
                "module=, one that the same code makes."
            )
    own = copy.deepcopy(module)
    if document["own"] is not None:
        keep_feedback(own, state.keys())
        conversion_of(own).feedback.own = {(label, name): number for label, name, number in document["own"]}
    own.load_state_dict(state)
    put_back(own, unpacker.unpack(document.get("buffers", {})))  # older files have none
    for name, one in own.named_modules():
        one.training = name not in document["evaluating"]
    for name, parameter in own.named_parameters():
        parameter.requires_grad_(name not in document["frozen"])
    return own


def _build(module: nn.Module) -> Iterator[tuple[str, str]]:
    """How a module is built: its parts with what they say of themselves, its parameters with what they share."""
    converted = unwrapped(module)
    for name, one in module.named_modules(remove_duplicate=False):
        said = re.sub(r"0x[0-9a-fA-F]+", "0x", one.extra_repr())
        yield name or "the module itself", f"{type(one).__name__}({said})"
    first: dict[int, str] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        shared = first.setdefault(id(parameter), name)
        tied = "" if shared == name else f", shared with {shared}"
        yield f"parameter {name}", f"{tuple(parameter.shape)} {parameter.dtype}{tied}"
    if converted is not None:
        buffers = conversion_of(module).feedback
        yield "conversion", f"points={list(buffers.points)}, sharing={buffers.sharing!r}, maps={buffers.layouts.maps}"
