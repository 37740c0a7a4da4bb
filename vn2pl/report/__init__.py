"""A run as one HTML file: ``gathering`` asks the frames, ``charts`` and ``tables`` draw them, ``page`` puts them together.

``gathering`` is Polars alone; the others need the extra ``report`` (Altair, Great Tables, vl-convert, Jinja).
"""
