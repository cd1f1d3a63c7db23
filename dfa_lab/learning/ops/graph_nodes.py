"""The nodes of autograd's graph."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from torch.autograd.graph import Node


def behind(start: Node | None, ends: Collection[Node]) -> Iterator[Node]:
    """The nodes of the graph behind ``start``, itself included, as far as those of ``ends``, which are among them."""
    waiting, known = [start], set[Node]()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in known:
            known.add(node)
            yield node
            if node not in ends:
                waiting += [one for one, _ in node.next_functions]
