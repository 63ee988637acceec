"""Records the corpus: real runs of the reference server, and a failing one of each specimen.

`python -m tests.conformance.record` records them all; with names only those; with --judge it
plays none, and writes what the oracle says of those that are there.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from conformance.oracle import Finding, Outcome, judge
from conformance.runner.session import transcript_path
from conformance.scenarios.registry import scenarios
from conformance.specimens import CATALOGUE, Specimen
from conformance.transcript.files import read
from tests.conformance.command import told_of
from tests.evidence import EVIDENCE, keep

CORPUS: Final = EVIDENCE / "corpus"
SPECIMENS: Final = CORPUS / "specimens"
FINDINGS: Final = CORPUS / "findings.json"
CORRECT: Final = (
    "room/joining-while-others-talk", "room/the-same-words-again", "room/cause-before-effect",
    "room/however-a-member-goes", "frm/a-line-in-two-segments",
    "txt/everything-else-is-relayed", "quit/quit-leaves",
    "hb/blank-lines-mean-nothing", "msg/the-same-octets-for-all",
)  # fmt: skip
_AT_ONCE: Final = 3
LARGEST: Final = 150_000
"""Octets a transcript may have; whatever fails only in a longer one has none."""

Record = dict[str, object]


def as_record(finding: Finding) -> Record:
    """Return what is kept of a finding."""
    return {
        "requirement": finding.requirement,
        "outcome": finding.outcome.value,
        "client": finding.client,
        "evidence": list(finding.evidence),
        "expected": finding.expected,
        "actual": finding.actual,
    }


def findings_of(path: Path) -> list[Record]:
    """Return the oracle's findings of a kept transcript."""
    return [as_record(finding) for finding in judge(read(path)).findings]


def main() -> int:
    """Record, judge, and write what was found; 0 if every specimen asked for has failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="specimens, or `reference`; all if none")
    parser.add_argument("--judge", action="store_true", help="only judge what is there again")
    arguments = parser.parse_args()
    left = [] if arguments.judge else list(_record_all(arguments.names))
    found = {path.stem: findings_of(path) for path in sorted(SPECIMENS.glob("*.jsonl"))}
    command = "python -m tests.conformance.record"
    keep(FINDINGS, {"findings": found}, command + " --judge" * arguments.judge)
    for name in left:
        sys.stdout.write(f"{name}: no short transcript of a failure\n")
    return 1 if left else 0


def _record_all(names: Sequence[str]) -> Iterator[str]:
    """Record the named specimens; return the names of those of which nothing could be kept."""
    SPECIMENS.mkdir(parents=True, exist_ok=True)
    if not names or "reference" in names:
        _record_reference()
    for specimen in CATALOGUE.values():
        if not specimen.legal and (not names or specimen.name in names):
            if not _record_specimen(specimen):
                yield specimen.name
            sys.stdout.flush()


def _record_reference() -> None:
    with TemporaryDirectory() as directory:
        _run(["--launch", "chatproto-server --listen {address}"], CORRECT, Path(directory))
        for path in sorted(Path(directory).glob("*.jsonl")):
            _keep(path, CORPUS / path.name)


def _record_specimen(specimen: Specimen) -> bool:
    """Keep the smallest transcript of the first few scenarios that exercise what it breaks, or of
    the others if it passes those."""
    meant = [one for one in scenarios() if specimen.breaks.intersection(one.requirements)]
    ids = [
        one.id for one in sorted(meant, key=lambda one: one.requirements[0] not in specimen.breaks)
    ]
    for chosen in (ids[:_AT_ONCE], ids[_AT_ONCE:]):
        with TemporaryDirectory() as directory:
            _run(told_of(specimen, Path(directory)), chosen, Path(directory))
            failed = [
                path
                for path in (transcript_path(Path(directory), id_) for id_ in chosen)
                if path.is_file() and path.stat().st_size <= LARGEST and _fails(path, specimen)
            ]
            if failed:
                smallest = min(failed, key=lambda path: path.stat().st_size)
                _keep(smallest, SPECIMENS / f"{specimen.name}.jsonl")
                return True
    return False


def _run(told: Sequence[str], only: Sequence[str], directory: Path) -> None:
    """Play scenarios with these options of `run`, and keep their transcripts in a directory."""
    if not only:
        return
    command = [str(Path(sys.executable).with_name("chatproto-conformance")), "run", "--quiet"]
    command += [*told, "--transcripts", str(directory), "--examples", "0", "--only", ",".join(only)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)


def _fails(path: Path, specimen: Specimen) -> bool:
    return any(
        finding.outcome is Outcome.FAIL and finding.requirement in specimen.breaks
        for finding in judge(read(path)).findings
    )


def _keep(path: Path, there: Path) -> None:
    """Keep a transcript, without anything that shows where it was recorded."""
    text = path.read_text(encoding="utf-8")
    for prefix in (sys.prefix, str(Path.cwd()), sys.base_prefix + "/lib"):
        text = text.replace(prefix, "…")
    there.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
