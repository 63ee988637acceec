"""A server's dialect: how it departs from the wire format, as data, and how to talk in it.

Scenarios know nothing of dialects, and the oracle's checks next to nothing. The driver translates
what a client says into the dialect when it is sent, and the oracle translates the transcript back
into lines and units when it reads it.
"""

from conformance.dialect.departures import Departure, departures, wholly_departed
from conformance.dialect.model import PLAIN, Dialect, Quit

__all__ = ["PLAIN", "Departure", "Dialect", "Quit", "departures", "wholly_departed"]
