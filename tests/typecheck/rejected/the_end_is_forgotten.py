"""What a client receives may be the end of it, or no unit at all: neither can be written again."""

from chatproto import ClientConnection, encode


def relay(client: ClientConnection, octets: bytes) -> list[bytes]:
    return [encode(event) for event in client.receive(octets)]  # error: arg-type
