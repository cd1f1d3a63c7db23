"""Published numbers trained again: a registry of papers' tables, and the table of what they gave here."""

from dfa_lab.experiment.reproductions import of_angles, of_modules
from dfa_lab.experiment.reproductions.of_mlps import accuracies
from dfa_lab.experiment.reproductions.reproduce import reproduce
from dfa_lab.experiment.reproductions.reproduced import Reproduced
from dfa_lab.experiment.reproductions.reproduction import REPRODUCTIONS, Effort, Reproduction
