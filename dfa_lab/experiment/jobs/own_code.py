"""Code of the user's own: which modules and classes are, and what a function of theirs reads beside its arguments."""

from __future__ import annotations

import dis
import enum
import functools
import importlib
import importlib.util
import itertools
import site
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import dfa_lab

#: What begins the names that pydantic and typing give a class while it is used.
_OF_TOOLS = ("__pydantic", "__protocol", "__non_callable_proto")
_READS = {"LOAD_GLOBAL", "LOAD_NAME"}
_LOADS = _READS | {"LOAD_FAST", "LOAD_DEREF", "LOAD_CLASSDEREF"}
_OF_ATTRIBUTES = {"LOAD_ATTR", "LOAD_METHOD"}
#: With one of these names, code may read of a module what it does not name.
_FINDERS = {"getattr", "vars", "globals", "eval", "exec", "import_module", "__import__", "__dict__"}
#: What a class has besides what its author wrote, and what its use leaves in it.
_OF_EVERY_CLASS = {
    *("__module__", "__dict__", "__weakref__", "__doc__", "__annotations__", "__qualname__", "_abc_impl"),
    *("__firstlineno__", "__static_attributes__", "__annotate__", "__annotate_func__", "__annotations_cache__"),
    *("__slotnames__", "__dataclass_fields__", "__dataclass_params__", "__orig_bases__", "__parameters__"),
    "__signature__",
}
#: Tables of an enum, which grow when members are combined, and what each member has.
_OF_ENUMS = {
    *("_member_map_", "_member_names_", "_value2member_map_", "_hashable_values_", "_unhashable_values_"),
    *("_unhashable_values_map_", "_name_", "_value_", "_sort_order_", "_inverted_", "__objclass__"),
}
#: ``type.__flags__`` of a class that was made while Python ran, by ``class`` or ``exec``.
_HEAP_TYPE = 1 << 9


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """The code and that of the functions in it."""
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from codes_in(one)


def globals_read(function: FunctionType, codes: list[CodeType]) -> dict[str, tuple[Any, bool]]:
    """The globals that code reads and the modules that it imports, by name; None for what there is not.

    Beside each whether it is used otherwise than for its attributes, as what is given to another function.
    """
    found: dict[str, tuple[Any, bool]] = {}
    listings = [[one for one in dis.get_instructions(code) if one.opname != "EXTENDED_ARG"] for code in codes]
    pairs = [pair for steps in listings for pair in itertools.pairwise(steps)]
    given_on = {one.argval for one, then in pairs if one.opname in _LOADS and then.opname not in _OF_ATTRIBUTES}
    for steps in listings:
        for place, one in enumerate(steps):
            if one.opname in _READS:
                found[one.argval] = function.__globals__.get(one.argval), one.argval in given_on
            elif one.opname == "IMPORT_NAME":
                level, names = (steps[place - back].argval for back in (2, 1))
                package = function.__globals__.get("__package__") or ""
                name = "." * (level or 0) + one.argval
                found[name] = _imported(name, package, names or ()), steps[place + 1].argval in given_on
    return found


def content_of(cell: CellType) -> Any:
    """What a function closes over; None where nothing was put there yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def reads_by_text(names: set[str]) -> bool:
    """Whether code with these ``names`` may find something by a text that it makes."""
    return bool(_FINDERS & names)


def _imported(name: str, package: str, names: tuple[str, ...]) -> Any:
    """A module of the user's, imported where it is not yet, with the modules in it called ``names``; else its name."""
    try:
        name = importlib.util.resolve_name(name, package)
        if not is_own(name):
            return name
        module = importlib.import_module(name)
    except (Exception, SystemExit):  # it says so in its own way when it is called
        return name
    for one in names:
        if not hasattr(module, one):
            _imported(f"{name}.{one}", package, ())
    return module


def is_own_class(kind: type) -> bool:
    """Whether a class is the user's."""
    module = vars(type)["__module__"].__get__(kind)
    if not isinstance(module, str):  # none of a class made by hand; one that Cython made has a descriptor
        return module is None
    return is_own(module) or (module == "builtins" and bool(kind.__flags__ & _HEAP_TYPE))


def written_in(kind: type) -> dict[str, Any]:
    """What the author of a class wrote in it."""
    made = _OF_EVERY_CLASS.union(where_fields_are(kind))
    found = {name: one for name, one in vars(kind).items() if name not in made}
    if issubclass(kind, enum.Enum):
        return {name: one for name, one in found.items() if name not in kind.__members__ and not is_of_enum(name)}
    if getattr(found.get("__init__"), "__module__", "") == "typing" or found.get("__init__") is object.__init__:
        del found["__init__"]  # typing's, of a protocol, and what it puts there at the first use
    return {name: one for name, one in found.items() if not name.startswith(_OF_TOOLS)}


def is_of_pydantic(kind: type) -> bool:
    """Whether a class is a model or a dataclass of pydantic's."""
    return "__pydantic_complete__" in vars(kind)


def where_fields_are(kind: type) -> tuple[str, ...]:
    """The attributes that hold the fields of a dataclass or a class of pydantic's, a model's before 2.10 among them."""
    if not is_of_pydantic(kind):
        return ("__dataclass_fields__",)
    return ("__dataclass_fields__", "__pydantic_fields__" if "__pydantic_fields__" in vars(kind) else "model_fields")


def is_of_enum(name: str) -> bool:
    """Whether Python itself keeps what is under this name of an enum or of its members."""
    return name in _OF_ENUMS


def is_own_function(function: FunctionType) -> bool:
    """Whether a function is the user's; a decorator may have given it another's name."""
    return is_own(function.__globals__.get("__name__"))


def is_own(module: Any) -> bool:
    """Whether the module of this name is the user's: not Python's, nor an installed package's, nor of dfa_lab.

    Code without a module, made by ``exec``, is.
    """
    return not isinstance(module, str) or _is_own(module)


@functools.cache
def _is_own(module: str) -> bool:
    if module == "__main__":
        return True
    found = sys.modules.get(module)
    if found is None and module.partition(".")[0] in sys.stdlib_module_names:
        return False
    file, folders = getattr(found, "__file__", None), list(getattr(found, "__path__", []))
    if found is None:
        try:
            spec = importlib.util.find_spec(module)
        except (Exception, SystemExit):  # of the package around it, which is imported for that
            spec = None
        file = spec.origin if spec else None
    place = file or next(iter(folders), None)
    if place is None:  # made by hand, or built into Python
        return module not in sys.stdlib_module_names and getattr(found, "__spec__", None) is None
    path = Path(place).resolve()
    return not {"site-packages", "dist-packages"} & set(path.parts) and not any(
        path.is_relative_to(one) for one in _installed()
    )


def module_parts(module: ModuleType) -> list[Any]:
    """The name of a package's module; of one of the user's all that is in it and in its modules, and its file."""
    name = module.__name__
    if not is_own(name):
        return [name]
    try:
        file = Path(str(module.__file__)).read_bytes()
    except (OSError, AttributeError):
        file = b""
    inner = {key: one for key, one in sys.modules.copy().items() if key.startswith(f"{name}.")}
    own = {key: one for key, one in vars(module).items() if not key.startswith("__")}
    return [name, file, dict(sorted(own.items())), dict(sorted(inner.items()))]


@functools.cache
def _installed() -> list[Path]:
    found = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return [Path(one).resolve() for one in (*found, site.getusersitepackages(), *dfa_lab.__path__)]
