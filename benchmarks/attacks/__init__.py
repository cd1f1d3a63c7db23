"""What is done to dfa_lab by ``torture.py``, a file an attack."""
