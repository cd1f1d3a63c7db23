"""When and what is measured beside training."""

from dfa_lab.experiment.measurement.probe import Probe, checked_replica
from dfa_lab.experiment.measurement.recorder import Gauge
from dfa_lab.experiment.measurement.schedule import Agenda
from dfa_lab.experiment.measurement.snapshot import LayerSnapshot, Snapshot
