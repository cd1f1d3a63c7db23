"""How far new feedback aligns again, drawn at different steps of a run on digits.

python benchmarks/findings/redraw.py
"""

import dfa_lab as dfa

AFTER = 2000


def main() -> None:
    print("| feedback drawn anew at step | training loss then | angles 2,000 steps later, layer 1 / 2 |\n|---|---|---|")
    for step in (0, 20, 100, 300, 1000, 5000):
        run = dfa.Experiment(rule="dfa")
        run.train(step)
        loss = run.history.last("train_loss")
        run.change(feedback_seed=1)
        run.train(AFTER)
        angles = [run.history.last("weight_alignment", layer) for layer in (1, 2)]
        shown = "–" if loss is None else f"{loss:.3f}"
        print(f"| {step:,} | {shown} | " + " / ".join(f"{angle:.1f}°" for angle in angles) + " |", flush=True)


if __name__ == "__main__":
    main()
