"""A real kernel of each ipykernel that is spoken to differently, driven through its sockets as a notebook does."""

import os
import sys
import time
from pathlib import Path
from queue import Empty

import pytest
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]
#: `make test-kernel` puts each into a folder of its own; "installed" is the environment's.
OTHERS = ROOT / ".kernels"
VERSIONS = ["installed", *sorted(folder.name for folder in OTHERS.glob("*"))] if OTHERS.is_dir() else ["installed"]


class Kernel:
    """A kernel and a client: ``run`` a cell as a notebook's, ``act`` as a page does on a widget."""

    def __init__(self, version: str, folder: Path) -> None:
        path = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        if version != "installed":
            path.insert(0, str(OTHERS / version))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), "OMP_NUM_THREADS": "1"}
        environment.pop("DFA_LAB_HEADLESS", None)
        self.manager = KernelManager()
        self.manager.kernel_spec.argv[0] = sys.executable
        self.manager.start_kernel(env=environment, cwd=str(folder))
        self.connect()

    def connect(self) -> None:
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def send(self, code: str, cell: str = "cell-1") -> str:
        """Begin a cell as a notebook does; its message's id."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        content["stop_on_error"] = True
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell})
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def run(self, code: str, cell: str = "cell-1", timeout: float = 60) -> str:
        """What a cell prints and shows, once its reply has come too; an error in it is an error here."""
        own, texts, end = self.send(code, cell), [], time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                got = self.client.get_iopub_msg(timeout=1)
            except Empty:
                continue
            if got["parent_header"].get("msg_id") != own:
                continue
            kind, content = got["msg_type"], got["content"]
            if kind == "stream":
                texts.append(content["text"])
            elif kind == "execute_result":
                texts.append(content["data"].get("text/plain", ""))
            elif kind == "error":
                raise AssertionError("\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                while self.client.get_shell_msg(timeout=timeout)["parent_header"].get("msg_id") != own:
                    pass
                return "".join(texts).strip()
        raise AssertionError(f"the cell did not end in {timeout} s: {code}")

    def act(self, comm: str, content: object, method: str = "custom") -> None:
        """A message to a widget, as a page sends it."""
        data = {"method": method, "content": content} if method == "custom" else {"method": method, "state": content}
        message = self.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        self.client.shell_channel.send(message)

    def until(self, condition: str, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while self.run(f"print(bool({condition}))") != "True":
            assert time.monotonic() < end, (
                f"it did not happen in {seconds} s: {condition}\n{self.run('print(e.status())')}"
            )
            time.sleep(0.05)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module", params=VERSIONS)
def kernel(request, tmp_path_factory):
    made = Kernel(request.param, tmp_path_factory.mktemp("kernel"))
    if request.param != "installed":
        assert made.run("import ipykernel; print(ipykernel.__version__)") == request.param
    yield made
    made.close()
