"""How alike the hidden layers of two networks represent the same inputs."""

from dfa_lab.learning.similarity.hidden_activities import hidden_activities
from dfa_lab.learning.similarity.linear_cka import LEAST_SAMPLES, by_features, by_gram_matrices, linear_cka
