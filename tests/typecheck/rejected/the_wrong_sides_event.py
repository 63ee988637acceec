"""A client's event where the server's are handled."""

from chatproto import Event, ServerEnded


def handle(event: Event) -> Event:
    return event


handle(ServerEnded(complete=True))  # error: arg-type
