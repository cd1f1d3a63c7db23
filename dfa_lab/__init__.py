"""dfa_lab: a laboratory for feedback alignment inside a notebook."""
