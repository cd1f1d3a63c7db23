"""What a checkpoint's file holds, and how: safetensors with JSON, never code."""

from dfa_lab.experiment.checkpoints.file_format import checkpoint_bytes, read_checkpoint
from dfa_lab.experiment.checkpoints.initial_module import module_document, module_of
from dfa_lab.experiment.checkpoints.packed_values import Packer, Unpacker, UnsavableError
