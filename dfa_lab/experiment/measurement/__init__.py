"""When and what is measured beside training."""

from dfa_lab.experiment.measurement.probe import Probe, checked_replica
from dfa_lab.experiment.measurement.recorder import ALIGNMENT, TEST, Recorder
from dfa_lab.experiment.measurement.schedule import PROBE_SHARE, QUICK, TEST_SHARE, Pending, Schedule
from dfa_lab.experiment.measurement.snapshot import LayerSnapshot, Snapshot
from dfa_lab.experiment.measurement.untrained_similarity import UntrainedSimilarity
