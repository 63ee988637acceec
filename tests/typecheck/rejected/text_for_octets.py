"""Text where octets are due, on both sides."""

from chatproto import ClientConnection, ServerConnection

ServerConnection().receive("hello\n")  # error: arg-type
ClientConnection().receive("\n")  # error: arg-type
