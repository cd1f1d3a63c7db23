"""``python -m dfa_lab.cli`` is the command dfa-lab."""

from dfa_lab.cli import main

if __name__ == "__main__":
    main()
