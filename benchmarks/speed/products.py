"""What the matrix products of a step take by themselves, against plain torch's whole step.

python benchmarks/speed/products.py [--rounds 9]

No activation, no loss, no bias: the products of ``Stepper`` on tensors of the right shapes. What a step takes beyond
them is all that its code could still save.
"""

import argparse

import torch

from dfa_lab.learning.ops import onednn
from timing import contenders
from timing.cases import Case, cases
from timing.contenders import Step
from timing.harness import Contender, compare

REPLICAS = (1, 16, 64)


def products(case: Case, *, down: bool, replicas: int) -> Step:
    """A step's products: forward, the signals, through W (``down``) or from e, and the update in place."""
    lead = () if replicas == 1 else (replicas,)
    widths, samples = case.widths, case.batch
    inputs = [torch.randn(*lead, samples, width) for width in widths[:-1]]
    outputs = [torch.empty(*lead, samples, width) for width in widths[1:]]
    deltas = [torch.randn(*lead, samples, width) * 1e-3 for width in widths[1:]]
    weights = [torch.randn(*lead, o.shape[-1], h.shape[-1]) for h, o in zip(inputs, outputs, strict=True)]
    feedback = [torch.randn(*lead, widths[-1], width) for width in widths[1:-1]]

    large = [onednn.pays(weight, samples, weight.shape[-1], weight.shape[-2]) for weight in weights]

    def step() -> None:
        for h, weight, out, by_onednn in zip(inputs, weights, outputs, large, strict=True):
            if by_onednn:
                onednn.linear(h, weight)
            else:
                torch.matmul(h, weight.mT, out=out)
        for number in reversed(range(len(weights))):
            if number and down and large[number]:
                onednn.linear(deltas[number], weights[number].mT)
            elif number:
                sources = (deltas[number], weights[number]) if down else (deltas[-1], feedback[number - 1])
                torch.matmul(*sources, out=deltas[number - 1])
            update = weights[number].baddbmm_ if lead else weights[number].addmm_
            update(deltas[number].mT, inputs[number], alpha=-1e-9)

    return step


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    print("| network | products of | replicas | over plain torch's step | µs a replica |\n|---|---|---|---|---|")
    for case in [case for case in cases().values() if case.dense]:
        small = case.name.startswith("64")
        for rule, down in (("bp, fa", True), ("dfa", False)):
            for replicas in REPLICAS if small else REPLICAS[:1]:
                group = [
                    Contender("plain", contenders.plain(case, case.batch), case.batch),
                    Contender("products", products(case, down=down, replicas=replicas), case.batch, "plain"),
                ]
                found = compare(group, rounds=rounds, at_least=0.02)["products"]
                assert found.ratio is not None
                ratio, micros = found.ratio.median / replicas, found.seconds.median / replicas * 1e6
                print(f"| {case.name} | `{rule}` | {replicas} | {ratio:.3f} | {micros:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
