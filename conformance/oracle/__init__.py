"""The oracle, which judges every transcript: a pure function of what happened and of the standard.

It knows nothing of scenarios, sockets or pytest. So it judges a generated program just as it judges
a scenario written by hand, and it can judge an old run again.
"""

import gc
import threading
from collections import Counter
from collections.abc import Set
from dataclasses import replace
from itertools import islice
from typing import Final

from conformance.dialect import wholly_departed
from conformance.oracle.attribution import attribute
from conformance.oracle.availability import outages
from conformance.oracle.case import prepare
from conformance.oracle.checks.answers import check_answers
from conformance.oracle.checks.cluster import check_cluster
from conformance.oracle.checks.delivery import check_delivery
from conformance.oracle.checks.endings import check_endings
from conformance.oracle.checks.form import check_units
from conformance.oracle.checks.limits import check_limits
from conformance.oracle.checks.process import check_process
from conformance.oracle.checks.strays import check_strays
from conformance.oracle.checks.text import check_texts
from conformance.oracle.checks.timing import check_timing, zone_of
from conformance.oracle.controls import Controls
from conformance.oracle.coverage import exercised
from conformance.oracle.facts import ABSENCES, Fact
from conformance.oracle.findings import Finding, Judgement, Outcome
from conformance.oracle.incidents import gather
from conformance.oracle.reading.history import read_history
from conformance.oracle.watched import accounted_for, broken_by_clients, in_doubt
from conformance.transcript.events import FLOOD, Launched, Start, Transcript, Waited

__all__ = ["Finding", "Judgement", "Outcome", "judge"]

CHECKS: Final = (
    check_units,
    check_texts,
    check_strays,
    check_answers,
    check_delivery,
    check_endings,
    check_timing,
    check_limits,
    check_process,
    check_cluster,
)
_ALIKE: Final = 50
"""How many incidents that look alike are attributed: a server that loses half of all messages has
many."""
_READ_OR_NOT: Final = ("MSG-1", "TRN-2", "STOP-", "RES-1")
"""Requirements that can be judged even if what came does not have the form of broadcasts."""
_AT_MOST: Final = 3
"""How many findings about one requirement are kept in one transcript: more would say the same."""


def judge(transcript: Transcript) -> Judgement:
    """Judge one transcript of a server, or of a client under test.

    In a dialect, nothing is found about requirements that the dialect departs from altogether.
    """
    if any(isinstance(event, Launched) for event in transcript[:2]):
        # It brings a terminal with it, which takes a run of a server a tenth of its start.
        from conformance.oracle.clients import judge_client

        return judge_client(transcript)
    start = transcript[0]
    with _without_collecting:
        if isinstance(start, Start) and start.watched:
            return _judge_watched(transcript)
        return _judge(transcript)


def _judge_watched(transcript: Transcript) -> Judgement:
    """Judge a watched conversation: the server, by what can be accounted for, and the clients."""
    judgement = _judge(accounted_for(transcript))
    history = read_history(transcript)
    found = [in_doubt(finding, history) for finding in judgement.findings]
    by_clients = islice(broken_by_clients(history), _AT_MOST)
    return replace(judgement, findings=[*found, *by_clients])


class _WithoutCollecting:
    """A context in which the garbage collector is disabled, by however many threads at once.

    Judging makes millions of objects, none of them in a cycle; looking for cycles would take a
    third as long again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._judging = 0
        self._was_enabled = False

    def __enter__(self) -> None:
        with self._lock:
            if not self._judging:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._judging += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._judging -= 1
            if not self._judging and self._was_enabled:
                gc.enable()


_without_collecting: Final = _WithoutCollecting()


def _judge(transcript: Transcript) -> Judgement:
    case = prepare(transcript)
    dialect = case.history.start.dialect
    departed = frozenset[str]() if dialect is None else wholly_departed(dialect)
    is_unread = case.died is None and not case.is_readable
    judgement = Judgement(
        exercised=_told(exercised(case), is_unread=is_unread),
        zone=zone_of(case),
        outages=tuple(outages(case)),
        is_unread=is_unread,
    )
    facts = [fact for check in CHECKS for fact in check(case)]
    patient_until = _last_full_wait(transcript)
    certain = set(case.history.start.broken)
    controls = Controls(case, facts)
    kept: Counter[str] = Counter()
    alike: Counter[tuple[object, ...]] = Counter()
    for incident in gather(case, facts):
        head = incident.head
        looks = (head.kind, head.theme, head.signs)
        alike[looks] += 1
        if alike[looks] > _ALIKE:
            continue
        for finding in attribute(case, controls, incident):
            if finding.requirement in departed:
                continue
            if is_unread and not _can_be_told_unread(finding):
                continue
            if finding.outcome is Outcome.FAIL and not _is_hasty(head, patient_until):
                certain.add(finding.requirement)
            kept[finding.requirement] += 1
            if kept[finding.requirement] <= _AT_MOST:
                judgement.findings.append(finding)
    was_hasty = any(isinstance(event, Waited) and event.shortened for event in transcript)
    return _in_doubt(judgement, certain) if was_hasty else judgement


def _last_full_wait(transcript: Transcript) -> int:
    """Return the number of the line that ends the last full wait that was in vain; 0 if there is
    none."""
    return max(
        (
            at
            for at, event in enumerate(transcript, 1)
            if isinstance(event, Waited) and not event.shortened and event.what != FLOOD
        ),
        default=0,
    )


def _is_hasty(fact: Fact, patient_until: int) -> bool:
    """Whether a fact is that something did not come, and the suite never waited in full for it."""
    since = fact.line.begun if fact.line is not None else max(fact.evidence, default=0)
    return fact.kind in ABSENCES and since > patient_until


def _in_doubt(judgement: Judgement, certain: Set[str]) -> Judgement:
    """Let failures after shortened waits be unknown, unless the requirement is known to be
    broken."""
    failed = {one.requirement for one in judgement.findings if one.outcome is Outcome.FAIL}
    hasty = failed.difference(certain)
    return replace(
        judgement,
        findings=[
            replace(one, outcome=Outcome.UNKNOWN) if one.requirement in hasty else one
            for one in judgement.findings
        ],
        hasty=frozenset(hasty),
    )


def _told(counts: Counter[str], *, is_unread: bool) -> Counter[str]:
    """Count what was exercised, as far as anybody can tell whether it went well."""
    if not is_unread:
        return counts
    return Counter({id_: n for id_, n in counts.items() if id_.startswith(_READ_OR_NOT)})


def _can_be_told_unread(finding: Finding) -> bool:
    """Whether a finding holds even if most of what came does not have the form of broadcasts: it is
    about that form, an unexpected disconnection, or the process."""
    return finding.kind == "put-out" or finding.requirement.startswith(_READ_OR_NOT)
