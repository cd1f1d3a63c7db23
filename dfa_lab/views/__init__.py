"""Pictures of a History or a Snapshot: pure functions that read a record and draw it. They know no widget.

Each takes the run itself too; ``dfa_lab.views.sources`` says what of it is drawn.

- ``dfa_lab.views.figure``: ``figure``, one interactive plotly figure of one or several runs
- ``dfa_lab.views.plots``: ``alignmentplot``, ``lossplot``, ``accuracyplot``, ``throughputplot`` on matplotlib axes
- ``dfa_lab.views.snapshots``: ``VIEWS``, the pictures of one step of a run, on matplotlib axes: ``sampleangleplot``,
  ``deltaplot``, ``spectrumplot``, and ``matrixplot`` from ``dfa_lab.views.matrices``

Nothing is imported here, so that either library loads only when it is drawn with; ``dfa_lab`` itself has all the names.
"""
