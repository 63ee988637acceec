"""Who is told of a run's progress."""

from typing import Protocol

from conformance.report.model import ScenarioReport


class Reporter(Protocol):
    """Receives the progress of a run. `on_strange` is called first, if a server visibly speaks
    something other than chatproto/1."""

    def on_strange(self, seen: str) -> None: ...

    def on_start(self, scenario: str) -> None: ...

    def on_result(self, result: ScenarioReport) -> None: ...


class SilentReporter:
    """A reporter that prints nothing."""

    def on_strange(self, seen: str) -> None: ...

    def on_start(self, scenario: str) -> None: ...

    def on_result(self, result: ScenarioReport) -> None: ...
