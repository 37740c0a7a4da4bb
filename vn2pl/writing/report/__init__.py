"""A run as one HTML file: ``gathering`` asks the frames, ``charts`` and ``tables`` draw, ``page`` puts it together.

``gathering`` is Polars alone; the others need the extra ``report`` (Altair, Great Tables, vl-convert, Jinja).
"""
