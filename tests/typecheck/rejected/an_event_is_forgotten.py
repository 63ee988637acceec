"""A match without a case for the end of stream."""

from typing import assert_never

from chatproto import BlankReceived, Event, MessageReceived, QuitReceived, Violation


def handle(event: Event) -> None:
    match event:
        case MessageReceived() | BlankReceived() | QuitReceived() | Violation():
            pass
        case _:
            assert_never(event)  # error: arg-type
