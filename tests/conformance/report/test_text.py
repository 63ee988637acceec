"""What a server says cannot drive the terminal of whoever reads the report."""

from conformance.oracle import Outcome
from conformance.report.model import FindingReport
from conformance.report.text import finding_lines


def test_nothing_of_the_server_s_reaches_the_terminal_raw() -> None:
    wild = "a\x1b[2J\x9b\x07\u202e"
    octets = wild.encode().decode("latin-1")
    finding = FindingReport(
        requirement="TRN-2",
        outcome=Outcome.FAIL,
        expected=wild,
        actual=wild,
        octets=octets,
        wanted=octets,
    )
    shown = "".join(finding_lines(finding, "again"))
    assert not set(shown) & set("\x1b\x9b\x07\u202e")
