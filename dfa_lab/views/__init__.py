"""Pictures of a History: pure functions that read a record and draw it. They train nothing and know no widget.

- ``dfa_lab.views.figure``: ``figure``, one interactive plotly figure of one or several runs
- ``dfa_lab.views.plots``: ``alignmentplot``, ``lossplot``, ``accuracyplot``, ``throughputplot`` on matplotlib axes

Nothing is imported here, so that either library loads only when it is drawn with; ``dfa_lab`` itself has all the names.
"""
