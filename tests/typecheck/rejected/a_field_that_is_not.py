"""Fields an event does not have: another event's, and none's."""

from chatproto import EndOfStream, QuitReceived


def look(event: QuitReceived | EndOfStream) -> object:
    if event.line:  # error: union-attr
        return event
    return event.colour  # error: union-attr
