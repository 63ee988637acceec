"""A match without a case for heartbeats."""

from typing import assert_never

from chatproto import Broadcast, Notice, Unit


def show(unit: Unit) -> str:
    match unit:
        case Broadcast(text=text):
            return text
        case Notice(code):
            return code
        case _:
            assert_never(unit)  # error: arg-type
