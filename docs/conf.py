"""How make docs builds the site: pages as they lie in the repository, the API from docstrings, and
each mention of a requirement a link to it."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from chatproto import __version__  # noqa: E402  # the path comes first
from conformance.commands.cli import load  # noqa: E402  # as above
from conformance.standard.requirements import requirements  # noqa: E402  # as above

STANDARD = "spec/chatproto-1"

project = "chatproto"
author = "the chatproto maintainers"
project_copyright = author
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "spec/**.md",
    "examples/README.md",
    "benchmarks/README.md",
    "evidence/README.md",
    "ports/README.md",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
]
exclude_patterns = [".*", "build", "dist", "reports", "tests", "**/__pycache__"]
default_role = "py:obj"
python_maximum_signature_line_length = 80
add_module_names = False
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "exclude-members": "model_config"}
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
smartquotes = False
highlight_language = "text"
suppress_warnings = ["misc.highlighting_failure"]  # of mermaid, which is shown as it is written

html_theme = "furo"
html_title = f"chatproto {version}"
html_extra_path = ["html"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#1d4f91",
        "color-brand-content": "#1d4f91",
        "font-stack": "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif",
    },
    "dark_css_variables": {
        "color-brand-primary": "#8db8f0",
        "color-brand-content": "#8db8f0",
    },
}

_ID = re.compile(r"\b(?:" + "|".join(sorted(requirements(), key=len, reverse=True)) + r")\b")

_ANNOTATED = re.compile(r"(?:~?\w+\.)*Annotated\[")


class Command(Directive):
    """A command of the suite, as its --help shows it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        context = click.Context(
            load(name),
            info_name=f"chatproto-conformance {name}",
            terminal_width=96,
            max_content_width=96,
        )
        text = load(name).get_help(context)
        return [nodes.literal_block(text, text, language="text")]


def name_requirements(app: Sphinx, doctree: nodes.document) -> None:
    """Let a requirement's heading be found by its id: #QUIT-3."""
    if app.env.docname != STANDARD:
        return
    for section in doctree.findall(nodes.section):
        id_ = section.next_node(nodes.title).astext().partition(" ")[0]
        if id_ in requirements():
            section["ids"].insert(0, id_)


def link_requirements(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Make each mention of a requirement in prose a link, but not in headings and code."""
    page = "" if docname == STANDARD else app.builder.get_relative_uri(docname, STANDARD)
    for text in list(doctree.findall(nodes.Text)):
        if _ID.search(text) and not _is_within(text, nodes.reference, nodes.title):
            text.parent.replace(text, list(_linked(text.astext(), page)))


def _is_within(node: nodes.Node, *kinds: type[nodes.Element]) -> bool:
    kinds += (nodes.literal_block, nodes.literal, nodes.raw)
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds) or node.tagname.startswith("desc_sig"):
            return True
    return False


def _linked(text: str, page: str) -> Iterator[nodes.Node]:
    end = 0
    for found in _ID.finditer(text):
        if found.start() > end:
            yield nodes.Text(text[end : found.start()])
        title = requirements()[found[0]].title
        yield nodes.reference(
            "",
            found[0],
            internal=True,
            refuri=f"{page}#{found[0]}",
            reftitle=title,
            classes=["requirement"],
        )
        end = found.end()
    if end < len(text):
        yield nodes.Text(text[end:])


def leave_addresses_alone(_app: Sphinx, doctree: nodes.document) -> None:
    """What stands for the address of a server is nothing to follow."""
    for link in list(doctree.findall(nodes.reference)):
        if link.get("refuri", "").startswith("tcp:"):
            link.replace_self(nodes.literal("", link.astext()))


def without_constraints(
    _app: Sphinx,
    _what: str,
    _name: str,
    _object: object,
    _options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Say of a field its type; what it must be besides, its text says."""
    return signature and _plain(signature), returns and _plain(returns)


def _plain(text: str) -> str:
    """A signature with the first argument of each Annotated[…] in its place."""
    while found := _ANNOTATED.search(text):
        depth, comma, end = 1, 0, found.end()
        while depth:
            depth += (text[end] in "[(") - (text[end] in "])")
            comma = comma or (end if text[end] == "," and depth == 1 else 0)
            end += 1
        text = text[: found.start()] + text[found.end() : comma] + text[end:]
    return text


def setup(app: Sphinx) -> None:
    app.add_directive("command", Command)
    app.connect("autodoc-process-signature", without_constraints)
    app.connect("doctree-read", leave_addresses_alone)
    app.connect("doctree-read", name_requirements)
    app.connect("doctree-resolved", link_requirements)
