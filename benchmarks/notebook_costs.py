"""What a notebook costs a student's server: seconds, seconds of processor, and the most memory of one process.

``python benchmarks/notebook_costs.py notebooks/01_first_steps.ipynb …`` runs each in a kernel of its own, one after
another, in a temporary folder, on one thread (``--threads``), and prints a row of Markdown for each. Nothing is saved.

The memory is the greatest resident set of any one process, kernel or worker, by the operating system's own count; a
notebook with two workers needs up to as much for each again. Seconds include the kernel's start and all imports; those
of the processor are what a free core needs, whatever else runs on the machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: ru_maxrss counts kilobytes, on macOS bytes.
UNIT = 1 if sys.platform == "darwin" else 1024


def run(path: Path) -> tuple[float, float, float]:
    """Seconds, seconds of processor and megabytes of one notebook. Raises what a cell raises.

    This process may have had no other children.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": folder}}).execute()
        seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * UNIT / 1e6


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--threads", type=int, default=1, help="threads of a kernel's tensor library")
    parser.add_argument("--one", action="store_true", help="measure the one notebook here: what each process is given")
    given = parser.parse_args()
    if given.one:
        print("{:.1f} s | {:.1f} s | {:.0f} MB".format(*run(given.notebooks[0].resolve())))
        return
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "OMP_NUM_THREADS": str(given.threads), "PYTHONPATH": paths}
    environment["DFA_LAB_HEADLESS"] = "1"
    print("| notebook | seconds | of processor | most memory of a process |\n|---|---|---|---|")
    for path in given.notebooks:
        call = [sys.executable, __file__, "--one", str(path)]
        done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
        said = done.stdout.strip() if done.returncode == 0 else f"failed: {done.stderr.strip().splitlines()[-1]} | | "
        print(f"| {path.name} | {said} |", flush=True)


if __name__ == "__main__":
    main()
