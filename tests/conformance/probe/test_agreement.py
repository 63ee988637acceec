"""What several answers to one question have in common."""

import pytest

from conformance.probe.learning import Conclusion
from conformance.probe.questions import agreed


@pytest.mark.parametrize(
    ("key", "values", "found"),
    [
        ("read_size", [512, 256], 256),
        ("read_size", [512, 256, 512], 256),
        ("read_size", [1024, 1000], None),
        ("framing", ["line", "read"], None),
        ("framing", ["line", "read", "read"], "read"),
        ("greeting", ["You are 4\n", "You are 17\n"], "You are {number}\n"),
    ],
)
def test_what_answers_agree_on(key: str, values: list[object], found: object) -> None:
    """Reads that came together look like one that is a multiple of theirs."""
    one = agreed(key, [Conclusion(key, value, "") for value in values])
    assert (None if one is None else one.value) == found
