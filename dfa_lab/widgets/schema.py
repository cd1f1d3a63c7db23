"""The page's side of the messages: ``python -m dfa_lab.widgets.schema`` writes frontend/shared/messages.ts.

The types are those of each folder's ``messages.py``, the buttons those of ``VERBS``, the names the pictures' own; a
test holds the file to them.
"""

from __future__ import annotations

import importlib
import json
import types
import typing
from pathlib import Path
from typing import Any, Literal, NotRequired, get_args, get_origin, is_typeddict

from dfa_lab.widgets.controls import Button, buttons
from dfa_lab.widgets.pictures import FIRST, NONE

#: Names that the page has to know.
NAMES = {"NO_PICTURE": NONE, "FIRST_PICTURE": FIRST}
#: Each has a ``messages.py``.
FOLDERS = ("kernel", "controls", "chart", "network", "pictures", "story")
PLACE = Path(__file__).parents[2] / "frontend" / "shared" / "messages.ts"
_SIMPLE = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", Any: "unknown"}


def typescript() -> str:
    """The text of messages.ts: an interface for each message, the names that both sides know, the table of buttons."""
    modules = [importlib.import_module(f"dfa_lab.widgets.{folder}.messages") for folder in FOLDERS]
    held = [(name, one, module.__name__) for module in modules for name, one in vars(module).items()]
    found = [one for _, one, place in held if is_typeddict(one) and one.__module__ == place]
    aliases = [f"export type {name} = {_written(one)};" for name, one, _ in held if get_origin(one) is Literal]
    table = json.dumps(buttons(), ensure_ascii=False, indent=2)
    head = "// Made by `python -m dfa_lab.widgets.schema` from the messages.py of dfa_lab/widgets: change them."
    fields = "".join(f"  {name}: string;\n" for name in ("verb", *Button.__dataclass_fields__))
    shape = f"export interface Button {{\n{fields}}}"
    names = [f"export const {name} = {json.dumps(one)};" for name, one in NAMES.items()]
    parts = [
        head,
        *aliases,
        *map(_interface, found),
        *names,
        shape,
        f"export const BUTTONS: Record<string, Button> = {table};",
    ]
    return "\n\n".join(parts) + "\n"


def _interface(kind: Any) -> str:
    base = [one for one in getattr(kind, "__orig_bases__", ()) if is_typeddict(one)]
    inherited = {name for one in base for name in one.__annotations__}
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = [_field(name, hint, kind) for name, hint in hints.items() if name not in inherited]
    extends = f" extends {base[0].__name__}" if base else ""
    words = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
    return "\n".join([f"/** {words} */", f"export interface {kind.__name__}{extends} {{", *fields, "}"])


def _field(name: str, hint: Any, kind: Any) -> str:
    optional = get_origin(hint) is NotRequired or name in kind.__optional_keys__
    inner = get_args(hint)[0] if get_origin(hint) is NotRequired else hint
    return f"  {name}{'?' if optional else ''}: {_written(inner)};"


def _written(kind: Any) -> str:
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if is_typeddict(kind):
        return str(kind.__name__)
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " | ".join(json.dumps(one) for one in inside)
    if origin is list:
        one = _written(inside[0])
        return f"({one})[]" if " | " in one else f"{one}[]"
    if origin is dict:
        return f"Record<{_written(inside[0])}, {_written(inside[1])}>"
    if origin in (types.UnionType, typing.Union):
        return " | ".join(_written(one) for one in inside)
    raise TypeError(f"no TypeScript type for {kind}")


if __name__ == "__main__":
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    PLACE.write_text(typescript(), encoding="utf-8")
