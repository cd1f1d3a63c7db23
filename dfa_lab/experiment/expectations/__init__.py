"""What an exercise or a grader expects of a run or a network, as assertions with tolerances."""

from dfa_lab.experiment.expectations import expect
