"""``dfa-lab sweep`` and ``dfa-lab compare``: many runs from a file, and two sweeps or two runs side by side."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfa_lab.cli.application import app
from dfa_lab.cli.job_signals import ended_as_by_ctrl_c
from dfa_lab.errors import DfaLabError, shown, unknown_name
from dfa_lab.regular_file import SPECIAL, is_special

if TYPE_CHECKING:
    import pandas as pd

    from dfa_lab.experiment.history import History
    from dfa_lab.experiment.run import Experiment

FILE_HELP = "A TOML file with grid, seeds, steps, task, metrics, and settings that all runs share."
SIDE_HELP = "A sweep's folder, or a run: what Experiment.save or History.to_json wrote."
METRIC_HELP = "Show this metric; again for more."
#: What a file says beside settings: the arguments of ``dfa.sweep``.
ARGUMENTS = ("grid", "seeds", "steps", "metrics", "folder", "on_error", "group_size")
EXAMPLE = 'steps = 1000, seeds = 8, and under [grid] rule = ["bp", "dfa"]'


@app.command()
def sweep(
    file: Annotated[Path, typer.Argument(help=FILE_HELP)],
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler: tcp://host:8786.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Keep each run there, and skip those that are there.")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the table, a row a run.")] = None,
) -> None:
    """Train every combination of settings in FILE with every seed, and print what they reached.

    Exit code 1 where runs failed, 130 after Ctrl-C or a scheduler's SIGTERM: what was trained is printed and written
    all the same.
    """
    arguments = _arguments_of(file)
    if folder is not None:
        arguments["folder"] = folder
    if csv is not None and not _will_be_there(csv, arguments.get("folder")):  # said before the training, not after it
        raise DfaLabError(
            f"--csv cannot write to {shown(str(csv))}: there is no folder {shown(str(csv.parent))}; make it."
        )
    if csv is not None and is_special(csv):
        raise DfaLabError(f"--csv cannot write to {shown(str(csv))}: {SPECIAL}; give the path of a file.")
    from dfa_lab.experiment.sweep import SweepInterrupted
    from dfa_lab.experiment.sweep import sweep as train_all

    stopped = False
    with ended_as_by_ctrl_c():
        with _executor(scheduler) as executor, _of_file(file):
            try:
                frame = train_all(executor=executor, **arguments)
            except SweepInterrupted as interrupt:
                stopped, frame = True, interrupt.frame
        if len(trained := frame[frame["seconds"].notna()]):
            typer.echo(_summary(trained))
        if csv is not None:
            from dfa_lab.atomic_file import write_atomically

            write_atomically(csv, frame.to_csv(index=False), what="--csv")
    kept = arguments.get("folder")
    if stopped:
        more = f"the same command with --folder {kept} goes on" if kept else "--folder keeps what is done"
        typer.echo(f"dfa-lab: stopped: {frame.attrs['done']:,} of {len(frame):,} runs are done; {more}.", err=True)
        raise typer.Exit(130)
    if failed := frame.attrs["failed"]:
        where = f"column error of {csv}" if csv else f"{kept / 'runs'}/*.failed.json" if kept else ""
        more = f"their errors are in {where}" if where else "--csv or --folder keeps the error of each"
        typer.echo(f"dfa-lab: {failed:,} of {len(frame):,} runs failed; {more}.", err=True)
        raise typer.Exit(1)


@app.command()
def compare(
    one: Annotated[Path, typer.Argument(metavar="A", help=SIDE_HELP)],
    other: Annotated[Path, typer.Argument(metavar="B", help=SIDE_HELP)],
    metric: Annotated[list[str] | None, typer.Option(help=METRIC_HELP)] = None,
) -> None:
    """Say in what settings two sweeps or two runs differ, and what each reached, means ± sd side by side."""
    from dfa_lab.views.sweep import comparison

    sides = [_kept(path) for path in (one, other)]
    typer.echo(str(comparison(*sides, names=(str(one), str(other)), metrics=metric)))


def _will_be_there(csv: Path, folder: Path | None) -> bool:
    """Whether the folder of a table is there, or a sweep that keeps its runs in ``folder`` makes it."""

    def resolved(path: Path) -> Path:
        try:
            return path.expanduser().resolve()
        except RuntimeError:  # a home that nobody knows
            return path

    place = resolved(csv).parent
    return place.is_dir() or (folder is not None and place in (made := resolved(folder), *made.parents))


@contextmanager
def _of_file(file: Path) -> Iterator[None]:
    """What is wrong with what ``file`` asks for is said with the file's name."""
    try:
        yield
    except DfaLabError as error:
        raise DfaLabError(f"{file}: {error}") from None


def _arguments_of(file: Path) -> dict[str, Any]:
    """What a file asks for, as ``dfa.sweep`` takes it."""
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DfaLabError(f"{file} cannot be read: {error.strerror or error}; expected a TOML file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DfaLabError(f"{file} is not TOML: {error}; expected {EXAMPLE}.") from None
    with _of_file(file):
        if wrong := list(_wrong(found)):
            _raise_all(found, wrong)
    if "folder" in found:
        try:  # a file and its results move together
            found["folder"] = file.parent / Path(found["folder"]).expanduser()
        except (RuntimeError, ValueError) as error:
            raise DfaLabError(
                f"{file}: folder was given as {shown(found['folder'])}: {error}; expected the path of a folder."
            ) from None
    return found


def _known() -> list[str]:
    """What a file may say: arguments of a sweep, and settings."""
    from dfa_lab.experiment.settings import Settings

    return [*ARGUMENTS, *(name for name in Settings.model_fields if name not in ("seed", "replicas"))]


def _wrong(found: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a file beside values that ``dfa.sweep`` checks."""
    known = _known()
    yield from (str(unknown_name("argument or setting of a sweep", name, known)) for name in found if name not in known)
    for name in (one for one in ("grid", "steps") if one not in found):
        inside = isinstance(found.get("grid"), Mapping) and name in found["grid"]
        yield f"there is no {name}{', but one under [grid]: move it above' if inside else ''}; expected {EXAMPLE}."
    if "grid" in found and not _is_grid(found["grid"]):
        yield f"grid was given as {shown(found['grid'])}; expected a table of lists: {EXAMPLE}."
    if not isinstance(found.get("folder", ""), str):
        yield f"folder was given as {shown(found['folder'])}; expected a path as a text."


def _is_grid(given: Any) -> bool:
    parts = given if isinstance(given, list) else [given]
    return bool(parts) and all(isinstance(part, Mapping) for part in parts)


def _raise_all(found: Mapping[str, Any], wrong: list[str]) -> None:
    """Raise what is ``wrong``, and what is wrong with the rest of the file, as one error."""
    from dfa_lab.experiment.sweep import asked_for

    grid = found.get("grid")
    fields = {name: value for name, value in found.items() if name in _known() and name not in ARGUMENTS}
    others = {name: found[name] for name in ("seeds", "metrics", "on_error", "group_size") if name in found}
    asked_for(grid if _is_grid(grid) else {}, fields, steps=found.get("steps", 1), **others, wrong=wrong)


@contextmanager
def _executor(scheduler: str | None) -> Iterator[Any]:
    """An executor whose tasks the workers of a Dask scheduler do; None without a scheduler."""
    if scheduler is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError:
        raise DfaLabError("--scheduler needs Dask; install it: pip install 'dfa-lab[cluster]'.") from None
    try:
        client = Client(scheduler, timeout=10)
    except (OSError, ValueError, TypeError) as error:
        raise DfaLabError(
            f"--scheduler was given as {shown(scheduler)}, where no Dask scheduler answers ({error}); start one by "
            "dask scheduler, and give the address that it prints: tcp://host:8786."
        ) from None
    with client:
        yield client.get_executor()


def _summary(frame: pd.DataFrame) -> str:
    """Means ± sd of each combination, one line each, and how many runs failed."""
    from dfa_lab.views.sweep import summary

    return str(summary(frame))


def _measured(run: Experiment) -> History:
    """The history of a run, with what the test split says at its last step."""
    found = {
        metric: value
        for metric, value in run.evaluate().items()
        if (newest := run.history.newest(metric)) is None or newest[0] < run.steps_done
    }
    for metric, value in found.items():
        run.history.record(metric, value, step=run.steps_done, samples=run.samples_seen, by_hand=True)
    return run.history


def _kept(path: Path) -> pd.DataFrame | History:
    """The table of a sweep's folder, or the history of a run's file."""
    if path.is_dir():
        from dfa_lab.experiment.sweep import load_sweep

        return load_sweep(path)
    from dfa_lab.experiment.checkpoints import is_checkpoint
    from dfa_lab.experiment.history import History
    from dfa_lab.experiment.run import Experiment
    from dfa_lab.regular_file import read_regular

    try:
        content = read_regular(path)
        if is_checkpoint(content):  # whatever the file is called
            return _measured(Experiment.load(path))
        text = content.decode("utf-8")
    except OSError as error:
        raise DfaLabError(
            f"{path} cannot be read: {error.strerror or error}; expected a sweep's folder, or a run's file."
        ) from None
    except UnicodeDecodeError:
        raise DfaLabError(
            f"{path} is no text; expected a history as JSON, or a run that Experiment.save wrote."
        ) from None
    with _of_file(path):
        return History.from_json(text)
