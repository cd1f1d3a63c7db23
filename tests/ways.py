"""The ways torch offers to differentiate a network; each gives the gradients of one batch, by parameter name.

``python tests/ways.py FOLDER`` trains nothing: two processes under DistributedDataParallel write each rule's gradients
to the folder, rank 0's file by file.
"""

import multiprocessing
import sys
import warnings

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import dfa_lab as dfa


class Mixed(nn.Module):
    """A convolution, attention, a cell and linear layers, each behind what carries a point."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(2, 4, 3, padding=1), nn.Tanh())
        self.attention, self.cell = nn.MultiheadAttention(4, 2, batch_first=True), nn.GRUCell(4, 6)
        self.rest = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 5))
        self.checkpointed = False

    def middle(self, h):
        h = h.transpose(1, 2)
        return self.cell(self.attention(h, h, h, need_weights=False)[0].mean(1))

    def forward(self, x):
        if self.checkpointed:
            h = checkpoint(self.first, x, use_reentrant=False)
            return self.rest(checkpoint(self.middle, h, use_reentrant=False))
        return self.rest(self.middle(self.first(x)))


def network(rule, dtype=torch.float64):
    """A converted network with its feedback drawn, inputs and targets."""
    torch.manual_seed(0)
    module, x = Mixed(), torch.randn(8, 2, 6)
    net = dfa.convert(module.to(dtype), rule, points=["first.1", "cell", "rest.1"], example=x[:2].to(dtype))
    return net, x.to(dtype), torch.arange(8) % 5


def eager(net, x, t, call=None):
    net.zero_grad()
    with dfa.lesson(net, t):
        F.cross_entropy((net if call is None else call)(x), t).backward()
    return gradients(net)


def gradients(net):
    """Copies of the gradients, zeros for none."""
    return {n: torch.zeros_like(p) if p.grad is None else p.grad.clone() for n, p in net.named_parameters()}


def compiled(net, x, t):
    return eager(net, x, t, torch.compile(net, backend="eager"))


def functional(net, x, t, change=lambda function: function):
    def loss(parameters, x, t):
        with dfa.lesson(net, t):
            return F.cross_entropy(torch.func.functional_call(net, parameters, (x,)), t)

    return change(torch.func.grad(loss))({name: one.detach() for name, one in net.named_parameters()}, x, t)


def compiled_functional(net, x, t):
    return functional(net, x, t, lambda function: torch.compile(function, backend="eager"))


def checkpointed(net, x, t):
    net.checkpointed = True
    return eager(net, x, t)


def autocast(net, x, t):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return eager(net, x, t)


#: Name -> (net, inputs, targets) to gradients, in this process.
WAYS = {
    "compile": compiled,
    "func.grad": functional,
    "compile(func.grad)": compiled_functional,
    "checkpoint": checkpointed,
    "autocast": autocast,
}


def distributed(rank, folder):
    """One of two processes, each with half of every batch."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    for rule in dfa.RULES:
        net, x, t = network(rule)
        wrapped = nn.parallel.DistributedDataParallel(net, find_unused_parameters=rule == "shallow")
        half = slice(4 * rank, 4 * rank + 4)
        with dfa.lesson(wrapped, t[half]):
            F.cross_entropy(wrapped(x[half]), t[half]).backward()
        torch.save(gradients(net), f"{folder}/{rule}.{rank}")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=distributed, args=(rank, sys.argv[1])) for rank in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    sys.exit(any(worker.exitcode for worker in workers))
