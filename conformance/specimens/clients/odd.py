"""Odd clients that break nothing: the suite must let them pass."""

from conformance.specimens.clients.base import BaseClient
from conformance.specimens.clients.registry import odd


@odd("prints a header, and the text on rows of its own")
class LinePrinter(BaseClient):
    pass
