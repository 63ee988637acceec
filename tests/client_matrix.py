"""Makes the table of clients of docs/implementations.md from runs of the suite.

`python -m tests.client_matrix NAME…` judges these of docs/clients.toml, or all of them, keeps the
status of each requirement in evidence/client-matrix.json, and draws the page again. With --check it
writes nothing and says where the page differs.
"""

import argparse
import shlex
import subprocess
import sys
import tomllib
from typing import Final

from pydantic import BaseModel, ConfigDict

from conformance.report.comparison import load_report
from tests.evidence import ROOT, keep
from tests.implementations import CLIENTS, Judged, differences, draw, stored_clients

LIST: Final = ROOT / "docs" / "clients.toml"
REPORTS: Final = ROOT / "reports" / "client-matrix"
_DONE: Final = (0, 1, 4)
"""The statuses of a run that came to its end."""


class Listed(BaseModel):
    """A client, as the list has it."""

    model_config = ConfigDict(extra="forbid")

    name: str
    launch: str
    options: str
    about: str


def listed() -> list[Listed]:
    """Every client that is to be judged."""
    whole = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return [Listed.model_validate(one) for one in whole["client"]]


def judge(one: Listed) -> Judged:
    """Judge a client once, with enough time for a busy machine."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    path = REPORTS / f"{one.name.replace(' ', '-')}.json"
    command = [sys.executable, "-m", "conformance", "clients", "--quiet", "--launch", one.launch]
    command += [*shlex.split(one.options), "--time-limit", "600", "--json", str(path)]
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE)
    if done.returncode not in _DONE:
        raise SystemExit(f"{one.name}: the suite ended with status {done.returncode}")
    report = load_report(path)
    sys.stdout.write(f"{one.name}: {report.verdict_in_words}\n")
    sys.stdout.flush()
    return Judged(
        name=one.name,
        launch=one.launch,
        options=one.options,
        about=one.about,
        suite=report.suite,
        verdict=report.verdict,
        statuses={each.id: each.status for each in report.requirements},
        varies={},
    )


def main() -> int:
    """Judge, and write or compare; 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="whom to judge; all, where none is named")
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    asked = parser.parse_args()
    known = listed()
    order = {one.name: place for place, one in enumerate(known)}
    if unknown := set(asked.names) - order.keys():
        parser.error(f"not in {LIST.name}: {', '.join(sorted(unknown))}")
    judged = [judge(one) for one in known if not asked.names or one.name in asked.names]
    if asked.check:
        differing = list(differences(stored_clients(), judged))
        sys.stdout.write(
            "".join(f"{line}\n" for line in [*differing, f"{len(differing)} differences"])
        )
        return bool(differing)
    fresh = {one.name: one for one in (*stored_clients(), *judged) if one.name in order}
    everyone = sorted(fresh.values(), key=lambda one: order[one.name])
    dumped = [one.model_dump(mode="json") for one in everyone]
    keep(CLIENTS, {"clients": dumped}, "make client-matrix")
    draw()
    return 0


if __name__ == "__main__":
    sys.exit(main())
