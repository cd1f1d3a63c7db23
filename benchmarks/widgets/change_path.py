"""Which files a change passes on its way from the page's message to the next training step.

python benchmarks/widgets/change_path.py [--fields '{"batch_size": 128}']

The explorer has no thread here, so that everything happens in one: the message is handled, the runner applies the
change, a step begins. Counted is every file of dfa_lab of which a function runs until the learner is given its batch;
the step itself, and what is drawn of it, is not.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from types import FrameType
from typing import Any

os.environ["DFA_LAB_HEADLESS"] = "1"

import dfa_lab as dfa

PACKAGE = Path(dfa.__file__).parent


def files_passed(fields: dict[str, Any]) -> dict[str, int]:
    """File of dfa_lab -> how many calls of its functions it took."""
    explorer = dfa.Explorer(widths=(16,))
    explorer.act("step", steps=3)
    explorer._screen.refresh = lambda: None  # drawing comes after
    found: dict[str, int] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        path, function = Path(frame.f_code.co_filename), frame.f_code.co_name
        if event == "call" and PACKAGE in path.parents and function != "<module>":
            name = path.relative_to(PACKAGE).as_posix()
            if function == "update" and name.startswith("experiment/"):
                sys.setprofile(None)
            else:
                found[name] = found.get(name, 0) + 1

    sys.setprofile(note)
    try:
        explorer.act("change", fields=fields)
        explorer.runner.play(1)
    finally:
        sys.setprofile(None)
    assert all(getattr(explorer.experiment.settings, name) == value for name, value in fields.items())
    explorer.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fields", type=json.loads, default={"batch_size": 128})
    found = files_passed(parser.parse_args().fields)
    for name, calls in found.items():
        print(f"{calls:6} {name}")
    print(f"{len(found)} files, {sum(found.values())} calls")


if __name__ == "__main__":
    main()
