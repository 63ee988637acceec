"""The argument of every condition of the attribution table: an incident and its case."""

from dataclasses import dataclass

from conformance.oracle.case import Case
from conformance.oracle.controls import Controls, treatment_of
from conformance.oracle.facts import Fact, Sign
from conformance.oracle.incident import Incident
from conformance.oracle.reading.history import ClientHistory
from conformance.oracle.reading.lines import Line
from conformance.oracle.triggers import What


@dataclass(frozen=True, slots=True)
class Circumstances:
    """An incident, its case, and the controls in it."""

    case: Case
    controls: Controls
    incident: Incident

    @property
    def fact(self) -> Fact:
        return self.incident.head

    @property
    def line(self) -> Line:
        line = self.fact.line
        assert line is not None
        return line

    @property
    def client(self) -> ClientHistory | None:
        """The client whose connection shows the incident."""
        return self.case.history.clients.get(self.fact.client or "")

    @property
    def what(self) -> What | None:
        trigger = self.incident.trigger
        return None if trigger is None else trigger.what

    @property
    def theme(self) -> str:
        """The requirement that the line which triggered the incident was sent to exercise.

        If no line did, that of the line that the incident is about.
        """
        trigger = self.incident.trigger
        if trigger is not None and trigger.what is What.TREATED and trigger.line is not None:
            return treatment_of(trigger.line)
        return self.fact.theme

    def has(self, *signs: Sign) -> bool:
        return any(sign in self.fact.signs for sign in signs)
