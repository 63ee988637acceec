"""A server's dialect: where it departs from the wire format, as data, and how to talk in it.

Scenarios know nothing of dialects, and the oracle's checks next to nothing. What a client says is
turned into the dialect's octets where it is sent, and what a transcript holds is read back
into lines and units where the oracle reads it.
"""

from conformance.dialect.departures import Departure, departures, wholly_departed
from conformance.dialect.model import PLAIN, Dialect, Quit

__all__ = ["PLAIN", "Departure", "Dialect", "Quit", "departures", "wholly_departed"]
