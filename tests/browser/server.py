"""A server of notebooks, as `dfa-lab` starts it, and the browser that looks at it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARTIFACTS = ROOT / "artifacts"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TOKEN = "lesson"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def served(folder, arguments, path, start=None):
    """The address of a server that `dfa-lab` starts with these arguments, once ``path`` answers there.

    ``start(port)`` gives another command line, and the folder it is started in.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (folder / "server.log").open("w")
    command, where = [sys.executable, "-m", "dfa_lab.cli", *arguments, "--port", str(port), "--no-browser"], None
    if start is not None:
        command, where = start(port)
    # Settings, layouts and saved runs of whoever runs the tests are neither used nor changed.
    environment = {"DFA_LAB_AUTOSAVE": "off", **os.environ, "JUPYTER_TOKEN": TOKEN}
    environment["JUPYTER_CONFIG_DIR"] = str(folder / ".jupyter")
    server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=where)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}{path}", timeout=1)
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.5)
        else:
            pytest.fail("the server did not start:\n" + (folder / "server.log").read_text())
        yield address
    finally:
        server.terminate()
        server.wait(20)
        log.close()
