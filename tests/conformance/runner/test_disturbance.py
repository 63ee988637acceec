"""What is waited for in vain counts only where the machine lets the suite run meanwhile."""

import pytest

from conformance.runner.player import was_disturbed
from conformance.transcript.events import Away, Waited
from tests.conformance.scene import START

VAIN = Waited(10.0, "c1", "a word", 3.0)


@pytest.mark.parametrize(
    ("aways", "disturbed"),
    [
        ([], False),
        ([Away(8.0, 0.3)], False),
        ([Away(8.0, 0.3), Away(9.0, 0.3)], True),
        ([Away(6.9, 2.0)], False),
    ],
)
def test_a_wait_is_disturbed_by_what_falls_into_it(aways: list[Away], disturbed: bool) -> None:
    assert was_disturbed((START, *aways, VAIN)) is disturbed
    assert not was_disturbed((START, *aways))
