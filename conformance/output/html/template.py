"""Templates, and the assets that a page includes verbatim. Everything else is autoescaped."""

import base64
import hashlib
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from conformance.report.octets import visible


def environment() -> Environment:
    return Environment(
        loader=PackageLoader("conformance.output.html", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )


class Asset:
    """A file of this package that a page includes; the page's security policy allows its `hash`."""

    def __init__(self, name: str) -> None:
        self._text = (
            files("conformance.output.html").joinpath("assets", name).read_text(encoding="utf-8")
        )

    def __html__(self) -> str:
        return self._text

    @property
    def hash(self) -> str:
        digest = hashlib.sha256(self._text.encode()).digest()
        return f"sha256-{base64.b64encode(digest).decode()}"


def _visible(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value
