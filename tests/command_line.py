"""The command dfa-lab in this process."""

from dfa_lab.cli import main


def run(*arguments):
    """Its exit code."""
    try:
        main([str(one) for one in arguments])
    except SystemExit as end:
        return end.code or 0
    return 0
