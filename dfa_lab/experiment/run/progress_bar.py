"""A progress bar over the steps of a run, with its last training loss."""

from __future__ import annotations

from collections.abc import Iterator

from dfa_lab.experiment.history import History


def counted(steps: int, history: History) -> Iterator[int]:
    """The numbers from 0 to ``steps`` − 1, each one more tick of a bar that shows the last training loss."""
    from tqdm.auto import tqdm

    with tqdm(total=steps, unit="step", mininterval=0.2) as bar:
        for number in range(steps):
            yield number
            bar.update()
            if number % 50 == 49 or number == steps - 1:
                loss = history.last("train_loss")
                bar.set_postfix({} if loss is None else {"loss": f"{loss:.3f}"})
