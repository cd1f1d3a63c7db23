"""Monitor: the record and the pictures of a training loop of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dfa_lab
from dfa_lab.experiment.monitor import LoopMonitor
from dfa_lab.experiment.runner import is_headless

if TYPE_CHECKING:
    from ipywidgets import DOMWidget
    from plotly.graph_objects import Figure


class Monitor(LoopMonitor):
    """Watches a training loop of your own: call ``step(loss)`` after each update, or take batches from it as well.

    ``history`` then has the training loss every ``record_every`` updates, samples/s, and at steps 0, 1, 2, 4, 8 … and
    then regularly, as often as counted operations allow, what ``measure_alignment`` finds on the ``probe`` batch and
    loss and accuracy on ``test``; each is a pair (inputs, targets) as ``net`` and ``loss_fn`` take them; inputs are
    given as ``convert`` says, and ``output`` says where a net that is not converted has its output. Every view takes
    the history; ``figure()`` draws it, ``chart()`` is a chart that follows the loop. Nothing that the loop trains is
    touched: weights, ``.grad``, buffers, modes, optimizer and random streams are as without it. The clock runs between
    the steps, without the measuring.

    ``net`` is a ``dfa.MLP``, a converted network, or any ``torch.nn.Module``: that learns by backpropagation, so its
    angles are 0 by definition and are recorded as 0 without being measured. ``optimizer`` is only read: its learning
    rate, whose jumps are marked. ``batch_size`` is for loops that give no batch to count. AMP, schedulers and gradient
    accumulation are the loop's own: one ``step`` is one update.

    Raises ``DfaLabError`` for what does not fit together; once the loop runs, ``error`` says what was not measured.

    >>> import torch, dfa_lab as dfa
    >>> net, x, y = torch.nn.Linear(2, 2), torch.rand(8, 2), torch.arange(8) % 2
    >>> monitor = dfa.Monitor(net, torch.nn.functional.cross_entropy, probe=(x, y), batch_size=8)
    >>> for _ in range(20):
    ...     monitor.step(0.5)
    >>> monitor.history.last("train_loss"), monitor.steps_done
    (0.5, 20)
    """

    def figure(self, **options: Any) -> Figure:
        """The curves so far as one interactive figure; ``options`` are those of ``dfa.figure``."""
        return dfa_lab.figure(self.history, **options)

    def chart(self) -> DOMWidget:
        """A live chart that follows the loop: show it, then train, in the same cell or in another.

        ``display(monitor.chart())``; ``close()`` ends it. Where the environment variable ``DFA_LAB_HEADLESS`` is 1 it
        shows what there is now.
        """
        from dfa_lab.widgets.kernel import UIThread, take_place

        chart = dfa_lab.LiveChart()
        take_place(chart)

        def show() -> None:
            if chart.comm is None:
                thread.stop()
            else:
                chart.show(self.history, self._status())

        thread = UIThread(show)
        show()
        if not is_headless():
            thread.start()
        return chart

    def _status(self) -> dict[str, str]:
        said = {"state": self.history.name, "step": f"{self.steps_done:,}", "samples": f"{self.samples_seen:,}"}
        return {**said, "error": self.error}
