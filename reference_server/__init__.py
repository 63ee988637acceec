"""chatproto/1 on threads and sockets: the smallest honest driver of the library `chatproto`."""

from reference_server.addresses import AddressError
from reference_server.server import ChatServer

__all__ = ["AddressError", "ChatServer"]
