"""A session's document as JSON and as one short line, and back, with nothing taken on trust.

The line is ``dfa1.`` and, in URL-safe base64 without padding, the compact JSON deflated with a dictionary of its own,
``COMMON``. The number is that of the dictionary and of the document's form: whoever changes either counts it up. Form 2
has a view and a name of the run; a session without them is written in form 1, which every release reads.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.settings import LONGEST_TEXT

FORMAT = "dfa_lab.session"
#: The forms of a document that are read, and what a share string of each begins with.
PREFIXES = {1: "dfa1.", 2: "dfa2."}
PREFIX = PREFIXES[1]
#: What form 2 has beside form 1.
ADDED = ("view", "name")

#: What most sessions hold, for zlib to point at; the likeliest at the end. Never to change under the same PREFIX.
COMMON = (
    b'"name":"aligned","angle":45}"name":"points","points":[[-1,0],[0,1],[1,0]]"teacher""linear""circles""spirals"'
    b'"moons""fashion_mnist""relu""sigmoid""leaky_relu""identity""step""hard_tanh""triangle""usf""brsf""frsf""kp""wm"'
    b'"sdfa""drtp""dkp""shallow""fa""bp""normal""kaiming""lecun""orthogonal""sparse","density":"low_rank","rank":'
    b'"transpose""sign_concordant""small""zeros""adam""rmsprop",{"lr":0.01}],[{"rule":"bp"}],[{"rule":"fa"}],['
    b'{"batch_size":256}],[{"activation_derivative":"identity"}],[{"feedback_init":{"name":"aligned","angle":90}}],['
    b'{"feedback_scale":{"optimizer":"adam"}],[{"momentum":0.9}],[{"feedback_seed":1}],["lanes":[{"name":"BP","fields":'
    b'{"rule":"bp"}}]{"title":"","about":"","settings":{"task":"digits","widths":[128,128],"activation":"tanh",'
    b'"activation_derivative":"exact","rule":"dfa","feedback_init":"uniform","feedback_scale":1.0,"feedback_seed":0,'
    b'"batch_size":64,"lr":0.1,"optimizer":"sgd","momentum":0.0,"weight_decay":0.0,"weight_init":"xavier","seed":0,'
    b'"replicas":null,"device":"cpu","threads":1,"precision":"highest","probe_every":null,"probe_size":128,'
    b'"record_every":10},"changes":[],"steps":0,"lanes":[]}'
)

#: Each part of a document with what it is where it is left out; None where it must be there.
_PARTS: dict[str, Any] = {
    "settings": None,
    "changes": [],
    "steps": None,
    "title": "",
    "about": "",
    "lanes": [],
    "view": {},
    "name": "",
}
_KINDS = {"settings": dict, "steps": int} | {name: type(empty) for name, empty in _PARTS.items() if empty is not None}
_WORDS = {dict: "mapping", list: "list", int: "whole number", str: "text"}


def _form(document: Mapping[str, Any]) -> int:
    """The first form that can hold it."""
    return 2 if any(name in document for name in ADDED) else 1


def write_json(document: dict[str, Any]) -> str:
    """JSON text, a setting, a change and a lane a line."""
    parts = [f'"format": "{FORMAT}"', f'"version": {_form(document)}']
    for name, value in document.items():
        text = _json(value)
        if isinstance(value, dict):
            text = f"{{{_block(f'{_json(key)}: {_json(one)}' for key, one in value.items())}}}"
        elif isinstance(value, list):
            text = f"[{_block(map(_json, value))}]"
        parts.append(f"{_json(name)}: {text}")
    return _short_enough("{\n  " + ",\n  ".join(parts) + "\n}\n")


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def _block(lines: Iterable[str]) -> str:
    inside = ",\n    ".join(lines)
    return f"\n    {inside}\n  " if inside else ""


def read_json(text: str, longest: int = LONGEST_TEXT) -> dict[str, Any]:
    """The document in a JSON text. Raises ``DfaLabError`` where there is none, or one of another form."""
    document = _parsed(text, longest)
    if document.pop("format", None) != FORMAT:
        raise DfaLabError(
            f'this JSON is no session; expected "format": "{FORMAT}", as an explorer or Session.to_json writes it.'
        )
    version = document.pop("version", None)
    if not isinstance(version, int) or isinstance(version, bool) or version not in PREFIXES:
        known = " or ".join(map(str, PREFIXES))
        raise DfaLabError(
            f"this session has version {shown(version, 40)}, expected {known}; read it with the release that wrote it."
        )
    return _checked(document, version)


def write_text(document: dict[str, Any]) -> str:
    """The document in one short line."""
    plain = json.dumps(document, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    press = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, COMMON)
    raw = _short_enough(plain).encode("utf-8", "surrogatepass")
    packed = press.compress(raw) + press.flush() + zlib.crc32(raw).to_bytes(4, "big")
    return PREFIXES[_form(document)] + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_text(text: str, longest: int = LONGEST_TEXT) -> dict[str, Any]:
    """The document in a share string; spaces and line breaks that mail put into it do not matter."""
    if not isinstance(text, str) or len(text) > longest:
        _not_shared("it is too long" if isinstance(text, str) else f"it is a {type(text).__name__}")
    line = "".join(text.split())
    form = next((form for form, prefix in PREFIXES.items() if line.startswith(prefix)), None)
    if form is None:
        _not_shared(f"it begins with {line[:8]!r}")
    body = line.removeprefix(PREFIXES[form])
    try:
        packed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        unpack = zlib.decompressobj(-15, COMMON)
        raw = unpack.decompress(packed[:-4], longest)
        if not unpack.eof or unpack.unused_data or zlib.crc32(raw).to_bytes(4, "big") != packed[-4:]:
            _not_shared("a part of it is missing or was changed")
        plain = raw.decode("utf-8", "surrogatepass")
    except DfaLabError:
        raise
    except (zlib.error, ValueError):
        _not_shared("a part of it is missing or was changed")
    return _checked(_parsed(plain, longest), form)


def _not_shared(why: str) -> NoReturn:
    raise DfaLabError(
        f"this is no share text: {why}; expected {PREFIX}… with all its letters, as an explorer's share, or "
        "Session.to_text, writes it."
    )


def _short_enough(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise DfaLabError(f"the session takes {len(text):,} characters; expected at most {LONGEST_TEXT:,}.")
    return text


def _parsed(text: Any, longest: int) -> dict[str, Any]:
    if not isinstance(text, str):
        raise DfaLabError(f"a session was given as {shown(text, 80)}; expected the text that Session.to_json wrote.")
    try:
        if len(text) > longest:
            raise ValueError(f"it has {len(text):,} characters, more than {longest:,}")
        document = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as reason:
        said = "it is nested too deep" if isinstance(reason, RecursionError) else str(reason)
        raise DfaLabError(
            f"this text is no session ({said:.200}); expected what an explorer saves as JSON, Session.to_json."
        ) from None
    if not isinstance(document, dict):
        raise DfaLabError(f"this JSON is a {type(document).__name__}, no session; expected what Session.to_json wrote.")
    return document


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _checked(document: dict[str, Any], form: int) -> dict[str, Any]:
    """The document with each part of its kind; what the parts say, ``Session`` checks."""
    known = [name for name in _PARTS if form > 1 or name not in ADDED]
    for name in document:
        if name not in known:
            raise DfaLabError(f"a session has no part {shown(name, 40)}; it has: format, version, {', '.join(known)}.")
    found = _PARTS | document
    for name, value in found.items():
        if not isinstance(value, _KINDS[name]) or isinstance(value, bool):
            raise DfaLabError(
                f"a session's {name} were given as {shown(value, 80)}; expected a {_WORDS[_KINDS[name]]}."
            )
    for change in found["changes"]:
        if not (isinstance(change, list) and len(change) == 2 and isinstance(change[1], dict)):
            raise DfaLabError(f'a change was given as {shown(change, 80)}; expected [step, {{"field": value}}].')
    for lane in found["lanes"]:
        if not (isinstance(lane, dict) and set(lane) == {"name", "fields"} and isinstance(lane["fields"], dict)):
            raise DfaLabError(f'a lane was given as {shown(lane, 80)}; expected {{"name": …, "fields": {{…}}}}.')
    return found
