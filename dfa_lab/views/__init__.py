"""Pictures of a History or a Snapshot: pure functions that read a record, or a run, and draw it. They know no widget.

``history`` draws whole runs, ``snapshots`` one step of a run, ``report`` a page; ``base`` is what they share.
Nothing is imported here, so that plotly and matplotlib each load only where they draw; ``dfa_lab`` has all the names.
"""
