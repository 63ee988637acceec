"""Broken clients with known faults, and odd but right ones."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from conformance.specimens.clients.registry import SPECIMENS, ClientSpecimen

__all__ = ["ClientSpecimen", "client_specimens"]


@cache
def client_specimens() -> Mapping[str, ClientSpecimen]:
    """Every one by its name."""
    for module in ("faults_receiving", "faults_sending", "odd"):
        import_module(f"{__name__}.{module}")
    return SPECIMENS
