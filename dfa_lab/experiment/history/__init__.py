"""The record of a run: metrics by step, and changes."""

from dfa_lab.experiment.history.history import Event, History, Series
from dfa_lab.experiment.history.json_format import document_of, history_of
from dfa_lab.experiment.history.listeners import Row
from dfa_lab.experiment.history.metrics import CHANCE, METRICS, angle_metrics
from dfa_lab.experiment.history.run_names import NameReader, name_of, name_of_record, shortened, unused, words_of
from dfa_lab.experiment.history.series import Here, SeriesKey
