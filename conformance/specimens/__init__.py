"""Broken servers and clients with known faults, and strange but legal ones: what the suite is
tested with."""

import os
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from conformance.specimens.registry import SPECIMENS, Specimen

if TYPE_CHECKING:
    from conformance.specimens.clients import ClientSpecimen

__all__ = ["CATALOGUE", "Specimen", "every_specimen"]

MODULES = (
    "stages",
    "faults_first",
    "faults_transport",
    "faults_framing",
    "faults_text",
    "faults_broadcast",
    "faults_room",
    "faults_membership",
    "faults_concurrency",
    "faults_leaving",
    "faults_heartbeat",
    "faults_violations",
    "faults_line_limit",
    "faults_backlog",
    "faults_capacity",
    "faults_stopping",
    "faults_resources",
    "legal",
    "dialects",
    "faults_dialects",
)


class Catalogue(Mapping[str, Specimen]):
    """Every specimen by name; the modules that hold them are loaded at the first question."""

    def load(self) -> dict[str, Specimen]:
        for module in MODULES:
            import_module(f"{__name__}.{module}")
        return SPECIMENS

    def __getitem__(self, name: str) -> Specimen:
        return self.load()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.load())

    def __len__(self) -> int:
        return len(self.load())


CATALOGUE: Mapping[str, Specimen] = Catalogue()


def find(name: str) -> Specimen | None:
    """Look one specimen up in a process that needs no other: the modules whose source mentions it
    are loaded first, since all of them take twice as long as all else at its start."""
    classes = name.title().replace("-", "")
    for module in MODULES:
        try:
            with open(os.path.join(__path__[0], f"{module}.py"), encoding="utf-8") as file:
                source = file.read()
        except OSError:
            break  # a zipped package
        if f"class {classes}" in source or f'"{name}"' in source:
            import_module(f"{__name__}.{module}")
            if name in SPECIMENS:
                return SPECIMENS[name]
    return CATALOGUE.get(name)


@cache
def every_specimen() -> Mapping[str, "Specimen | ClientSpecimen"]:
    """All servers and all clients, by name."""
    # A server that is launched need not wait for what only clients import.
    from conformance.specimens.clients import client_specimens

    both = CATALOGUE.keys() & client_specimens().keys()
    if both:
        raise ValueError(f"a server and a client have the same name: {sorted(both)}")
    return {**CATALOGUE, **client_specimens()}
