"""Pictures of a History or a Snapshot: pure functions that read a record and draw it. They know no widget.

Each takes the run itself too; ``dfa_lab.views.base.sources`` says what of it is drawn.

- ``dfa_lab.views.history``: ``figure``, one interactive plotly figure of one or several runs; ``alignmentplot``,
  ``lossplot``, ``accuracyplot``, ``throughputplot`` on matplotlib axes
- ``dfa_lab.views.snapshots``: ``VIEWS``, the pictures of one step of a run, on matplotlib axes: ``sampleangleplot``,
  ``deltaplot``, ``spectrumplot``, ``matrixplot``
- ``dfa_lab.views.report``: ``report``, a page of its own

Nothing is imported here, so that either library loads only when it is drawn with; ``dfa_lab`` itself has all the names.
"""
