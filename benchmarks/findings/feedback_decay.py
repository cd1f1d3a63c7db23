"""The angle of a hidden layer's δ to backpropagation's where the feedback learns, for several decays λ of kp and wm.

python benchmarks/findings/feedback_decay.py
python benchmarks/findings/feedback_decay.py --task mnist --images FOLDER

The network and the rates are those of the reproduction `akrout`; one seed, by `run.measure()` after 1, 5 and 20 epochs.
"""

from __future__ import annotations

import argparse

import dfa_lab as dfa
from dfa_lab.experiment.reproductions.of_angles import AKROUT, AKROUT_NETWORK
from dfa_lab.experiment.reproductions.reproduction import steps_of

DECAYS = {"kp": (0.0, 2e-4, 1e-3), "wm": (1e-3, 5e-3, 2e-2)}
EPOCHS = (1, 5, 20)


def angles(rule: str, decay: float, task: object) -> list[float]:
    """In degrees, after each of ``EPOCHS``."""
    run = dfa.Experiment(
        task=task,
        rule={"name": rule, "decay": decay},
        lr=AKROUT[rule]["lr"],
        **AKROUT_NETWORK,
        probe_every=steps_of(max(EPOCHS), 128),
    )
    reached = []
    for epochs in EPOCHS:
        run.train(steps_of(epochs, 128) - run.steps_done)
        run.measure()
        newest = run.history.newest("gradient_alignment", 1)
        assert newest is not None
        reached.append(newest[1])
    return reached


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="fashion_mnist")
    parser.add_argument("--images", help="the folder of its files")
    given = parser.parse_args()
    task = given.task if given.images is None else {"name": given.task, "folder": given.images}
    print(f"| rule | λ | {' | '.join(f'epoch {one}' for one in EPOCHS)} |\n|{'---|' * (2 + len(EPOCHS))}")
    for rule, decays in DECAYS.items():
        for decay in decays:
            found = " | ".join(f"{one:.1f}" for one in angles(rule, decay, task))
            print(f"| `{rule}` | {decay:g} | {found} |", flush=True)


if __name__ == "__main__":
    main()
