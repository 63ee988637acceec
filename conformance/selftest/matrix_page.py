"""The matrix of requirements and specimens as one HTML file that needs nothing else."""

from typing import Final

from chatproto import __version__
from conformance.output.html.template import Asset, environment
from conformance.selftest.matrix import Matrix
from conformance.specimens import CATALOGUE
from conformance.standard.requirements import PROTOCOL, requirements

SYMBOLS: Final = {"caught": "✓", "missed": "✗", "accused": "!", "may": "·", "": ""}
WORDS: Final = {
    "caught": "caught",
    "missed": "not caught",
    "accused": "found, but not broken by it",
    "may": "found, as may follow from the fault",
    "": "",
}


def render_matrix(matrix: Matrix) -> str:
    """The matrix, broken servers first, a column for each requirement for servers."""
    template = environment().get_template("specimens.html.j2")
    return template.render(
        matrix=matrix,
        columns=[one for one in requirements().values() if one.kind.binds_servers],
        groups=[
            ("Broken servers", [row for row in matrix.specimens if not row.legal]),
            ("Strange but legal servers", [row for row in matrix.specimens if row.legal]),
        ],
        catalogue=CATALOGUE,
        symbols=SYMBOLS,
        words=WORDS,
        protocol=PROTOCOL,
        version=__version__,
        style=Asset("specimens.css"),
    )
