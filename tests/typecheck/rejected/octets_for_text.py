"""Octets where text is due, and what is written taken for text."""

from chatproto import ClientConnection

ClientConnection().say(b"hello")  # error: arg-type
line: str = ClientConnection().say("hello")  # error: assignment
