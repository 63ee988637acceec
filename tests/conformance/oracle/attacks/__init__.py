"""One thing in a correct run is spoilt: every way to do so."""

from tests.conformance.oracle.attacks import harmless, leaving, octets, room
from tests.conformance.oracle.attacks.striking import BREAKING, HARMLESS

__all__ = ["BREAKING", "HARMLESS", "harmless", "leaving", "octets", "room"]
