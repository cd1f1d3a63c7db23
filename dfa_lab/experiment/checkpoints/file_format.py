"""A checkpoint's file: safetensors, whose metadata say what it is and hold the rest as JSON. Nothing in it is code.

The metadata are ``format``, ``version``, ``about`` (for people), ``document`` (JSON) and ``digest``: SHA-256 of the
whole file with 64 zeros in the digest's place. Reading takes nothing on trust: every byte is covered.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.checkpoints.packed_values import UnsavableError
from dfa_lab.regular_file import read_regular

FORMAT, VERSION = "dfa_lab.checkpoint", 1
_BEFORE, _ZEROS = b'"digest":"', b"0" * 64
#: The longest header that safetensors reads.
_LONGEST_HEADER = 100_000_000


def checkpoint_bytes(document: Mapping[str, Any], tensors: Mapping[str, Tensor], about: str) -> bytes:
    """The content of a file with ``document``, plain JSON values, and ``tensors``.

    Raises ``UnsavableError`` where its header would be longer than safetensors reads.
    """
    from safetensors.torch import save

    metadata = {"format": FORMAT, "version": str(VERSION), "about": about, "digest": _ZEROS.decode()}
    metadata["document"] = json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    content = save(dict(tensors), metadata)
    if (size := int.from_bytes(content[:8], "little")) > _LONGEST_HEADER:
        raise UnsavableError(
            f"the run cannot be saved: its settings and the names of its {len(tensors):,} tensors take {size:,} bytes, "
            f"and a safetensors file has room for {_LONGEST_HEADER:,}; give settings with shorter texts or lists, or a "
            "module of fewer parts."
        )
    place = _digest_place(content)
    return b"".join([content[:place], _digest(content, place), content[place + 64 :]])


def read_checkpoint(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The document and the tensors of the file at ``path``.

    Raises ``DfaLabError``, with the file's name, where it cannot be read, is of another kind or of a later version, or
    was cut short or changed since it was written.
    """
    try:
        content = read_regular(Path(path).expanduser())
    except (OSError, TypeError, ValueError, RuntimeError) as reason:
        raise DfaLabError(
            f"no run can be loaded from {shown(path)}: {reason}; give the path of a file that save() wrote."
        ) from None
    try:
        return _parsed(content)
    except DfaLabError as reason:
        raise DfaLabError(f"{shown(str(path))} {reason}") from None


def _parsed(content: bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    from safetensors.torch import load

    metadata = _metadata(content)
    if metadata.get("format") != FORMAT:
        raise DfaLabError(f"holds tensors, but no run of dfa_lab; {_WANTED}")
    version = metadata.get("version")
    if version != str(VERSION):
        raise DfaLabError(
            f"is a checkpoint of version {shown(version, 40)}, and this release reads version {VERSION}; load it with "
            "the release that wrote it, or a later one."
        )
    place = _digest_place(content)
    if _digest(content, place) != content[place : place + 64]:
        raise DfaLabError(_DAMAGED)
    try:
        document = json.loads(metadata["document"])
        return document, load(content)
    except Exception as reason:  # safetensors has errors of its own
        raise DfaLabError(f"is no checkpoint that can be read ({reason}); {_WANTED}") from None


_WANTED = "give a file that save() of an Experiment wrote."
_DAMAGED = "is cut short or was changed since it was written; take an earlier copy, or train the run anew."


def _metadata(content: bytes) -> Mapping[str, Any]:
    """The metadata of a safetensors file."""
    size = int.from_bytes(content[:8], "little")
    head = content[8:9]
    if len(content) < 9 or size > _LONGEST_HEADER or head != b"{":
        raise DfaLabError(f"is no checkpoint: it is {_kind(content)}; {_WANTED}")
    if size > len(content) - 8:
        raise DfaLabError(_DAMAGED)
    try:
        metadata = json.loads(content[8 : 8 + size]).get("__metadata__", {})
        if not isinstance(metadata, dict):
            raise TypeError
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise DfaLabError(_DAMAGED) from None
    return metadata


def _kind(content: bytes) -> str:
    """What a file of another kind is, in words."""
    start = content[:200].lstrip()
    if not start:
        return "empty"
    if start.startswith((b"PK", b"\x80")):
        return "a pickle or an archive, which could run code and is not read"
    if start.startswith((b"{", b"dfa1.", b"dfa2.")):
        return "a text, as Session.to_json and History.to_json write it (read it with dfa.Session.read or from_json)"
    return "of another kind, or cut short"


def _digest(content: bytes, place: int) -> bytes:
    """The digest of a content, which belongs at ``place``."""
    total, view = hashlib.sha256(), memoryview(content)
    for part in (view[:place], _ZEROS, view[place + 64 :]):
        total.update(part)
    return total.hexdigest().encode()


def _digest_place(content: bytes) -> int:
    """Where the digest begins. In a JSON text of another value the quotes before it would be escaped."""
    place = content.find(_BEFORE, 0, 8 + int.from_bytes(content[:8], "little"))
    if place < 0:
        raise DfaLabError(_DAMAGED)
    return place + len(_BEFORE)
