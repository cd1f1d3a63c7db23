"""Which rule really produced each gradient."""

from dfa_lab.learning.audit.audit import audit
