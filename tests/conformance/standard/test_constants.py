"""The suite states the standard's numbers by itself; the library agrees with it."""

from chatproto import connection, limits
from conformance.standard import constants


def test_the_library_and_the_suite_have_the_same_numbers() -> None:
    assert constants.MIN_LINE_LIMIT == connection.MIN_LINE_LIMIT
    assert constants.MAX_LINE_LIMIT == connection.MAX_LINE_LIMIT
    assert constants.MIN_BACKLOG == limits.MIN_BACKLOG
    assert constants.LINGER == limits.LINGER
