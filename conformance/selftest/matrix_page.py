"""The matrix of requirements and specimens as one self-contained HTML file."""

from typing import Final

from chatproto import __version__
from conformance.output.html.template import Asset, environment
from conformance.selftest.matrix import Matrix
from conformance.specimens import every_specimen
from conformance.standard.requirements import PROTOCOL, Scope, requirements

SYMBOLS: Final = {"caught": "✓", "missed": "✗", "accused": "!", "may": "·", "": ""}
WORDS: Final = {
    "caught": "caught",
    "missed": "not caught",
    "accused": "found, but not broken by it",
    "may": "found, as may follow from the fault",
    "": "",
}


def render_matrix(matrix: Matrix) -> str:
    """Render the matrix as HTML: broken specimens first, one column per requirement."""
    whom = "clients" if matrix.is_of_clients else "servers"
    template = environment().get_template("specimens.html.j2")
    return template.render(
        matrix=matrix,
        columns=[
            one
            for one in requirements().values()
            if (one.kind is Scope.CLIENT if matrix.is_of_clients else one.kind.binds_servers)
        ],
        groups=[
            (f"Broken {whom}", [row for row in matrix.specimens if not row.legal]),
            (f"Strange but legal {whom}", [row for row in matrix.specimens if row.legal]),
        ],
        catalogue=every_specimen(),
        symbols=SYMBOLS,
        words=WORDS,
        protocol=PROTOCOL,
        version=__version__,
        style=Asset("specimens.css"),
    )
