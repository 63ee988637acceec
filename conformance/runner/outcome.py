"""The outcome of a scenario as a test of pytest or JUnit, and its text."""

from typing import Final, Literal, assert_never

from conformance.report.model import ScenarioReport, Verdict
from conformance.report.text import finding_lines
from conformance.runner.session import Settings
from conformance.standard.requirements import Level, requirements

_SAID: Final = {
    "sanity": "no two clients could chat, so nothing more could be learnt",
    "foreign": "the server does not send the format of chatproto/1, so nothing more can be judged",
    "needs-launch": "only where the suite launches the server itself",
    "needs-nodes": "only where several nodes of one room are known",
    "needs-faults": "only where the profile has a [[cluster.fault]]",
    "needs-log": "only where the profile says cluster.log",
    "needs-dead-peers": "only with --dead-peers, on Linux: it takes up to 5 minutes",
    "needs-capacity": "only where the profile says limits.capacity",
    "declared": "the profile says that the server departs from all that it is there for",
    "needs-terminal": "only where the client has a terminal",
    "needs-pipe": "only where the client reads from a pipe",
    "needs-keys": "only where the client is typed into",
    "raw": "only for a client that knows the protocol",
    "first": "the client did not connect, showed nothing, or flooded its display",
    "failed-already": "a MUST has failed already; --examples N plays them anyway",
    "dialect": "what it says has no meaning in the server's dialect",
}


def outcome_of(
    result: ScenarioReport, settings: Settings
) -> tuple[Literal["passed", "failed", "expected", "skipped"], str]:
    """Return how a scenario's test ends, and its text.

    It fails if a MUST is broken, or if nobody can tell. A failure of a SHOULD alone, or a known
    failure, is an expected one.
    """
    text = _text(result, settings)
    unknown = [one for one in result.findings if not settings.known.has(one, result.id)]
    if result.model_copy(update={"findings": unknown}).verdict is Verdict.NON_CONFORMANT:
        return "failed", text
    match result.status:
        case "pass":
            return "passed", ""
        case "fail":
            return "expected", text
        case "unknown":
            untold = f"could not be told: {result.reason}"
            if any(requirements()[id_].level is Level.MUST for id_ in result.requirements):
                return "failed", f"{untold}\n\n{text}"
            return "skipped", untold
        case "skip":
            reason = f"{result.reason}"
            return "skipped", f"{reason}: {_SAID[reason]}" if reason in _SAID else reason
        case _:
            assert_never(result.status)


def _text(result: ScenarioReport, settings: Settings) -> str:
    """Write the first finding of each requirement, as the report does."""
    again = settings.again(result)
    first = {finding.requirement: finding for finding in reversed(result.findings)}
    return "\n".join(
        line for one in reversed(first.values()) for line in [*finding_lines(one, again), ""]
    )
