"""The site, as Sphinx builds it offline: ``just site``."""

import msgspec
from sphinx.application import Sphinx

import vn2pl

project, author, copyright = "vn2pl", "The vn2pl authors", "The vn2pl authors"  # noqa: A001
version = release = vn2pl.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme, html_title = "furo", "vn2pl"
html_show_sphinx = html_copy_source = False
myst_heading_anchors = 3
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 100


def _signature(_app: Sphinx, _what: str, _name: str, kind: object, *_: object) -> tuple[str, None] | None:
    """Settings have a page of their own, with their bounds in words."""
    return ("(**settings)", None) if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None


def _is_left_out(_app: Sphinx, _what: str, _name: str, member: object, *_: object) -> bool | None:
    """Fields of named tuples stand in the signature."""
    return (member.__doc__ or "").startswith("Alias for field number") or None


def setup(app: Sphinx) -> None:
    """What Sphinx calls first."""
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _is_left_out)
