"""LeNet on Fashion-MNIST, all 60,000 images, two epochs by each rule: test accuracy and time, one thread.

python benchmarks/speed/lenet.py [rule …]
"""

import sys
import time

import torch
from torch import nn

import dfa_lab as dfa

RULES = ("bp", "fa", "dfa", "usf", "brsf", "frsf")
SEED, EPOCHS, BATCH, LR = 0, 2, 64, 1e-3


def lenet() -> nn.Sequential:
    """LeCun et al. 1998, with tanh and average pooling."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 6, 5, padding=2),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.Tanh(),
        nn.Linear(120, 84),
        nn.Tanh(),
        nn.Linear(84, 10),
    )


def train(rule: str, task: dfa.Task) -> tuple[float, float]:
    """Test accuracy and seconds of training."""
    torch.manual_seed(SEED)
    net = dfa.convert(lenet(), rule, feedback_seed=SEED)
    optimizer = torch.optim.Adam(net.parameters(), lr=LR)
    dfa.attach(net, optimizer)
    images = task.train_inputs
    began = time.perf_counter()
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            inputs, targets = images[batch], task.train_targets[batch]
            optimizer.zero_grad()
            with dfa.lesson(net, targets):
                nn.functional.cross_entropy(net(inputs), targets).backward()
            optimizer.step()
    seconds = time.perf_counter() - began
    with torch.no_grad():
        right = net.eval()(task.test_inputs).argmax(1) == task.test_targets
    return right.double().mean().item(), seconds


def main() -> None:
    torch.set_num_threads(1)
    task = dfa.TASKS["fashion_mnist"]()
    print(f"seed {SEED}, {EPOCHS} epochs, batch {BATCH}, Adam, lr {LR}\n")
    print("| rule | test accuracy | seconds |\n|---|---|---|")
    for rule in sys.argv[1:] or RULES:
        accuracy, seconds = train(rule, task)
        print(f"| `{rule}` | {accuracy:.4f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
