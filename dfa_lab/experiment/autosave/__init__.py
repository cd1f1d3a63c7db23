"""Runs that are saved by themselves while they train: where, when, and the list of what is there."""

from dfa_lab.experiment.autosave.autosave import Autosave, Taken
from dfa_lab.experiment.autosave.lane_record import LaneRecord
from dfa_lab.experiment.autosave.place import AutosaveChoice, autosave_folder, default_folder
from dfa_lab.experiment.autosave.saved_run import SavedRun
from dfa_lab.experiment.autosave.saved_runs import SavedRuns, found, saved_runs
