"""Run the whole suite again and again against correct servers while every core is kept busy, and
count the accusations: the reference server, and each strange but legal specimen.

It takes hours. What came of each run is kept in a record of one commit, accusations and all: a soak
that was broken off goes on where it was.
"""

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from conformance.report.comparison import load_report
from conformance.specimens import CATALOGUE
from tests.conformance.command import told_of
from tests.evidence import commit

Runs = dict[str, tuple[list[str], int]]
"""By name: what to ask of `run`, and how often."""

_SUITE: Final = str(Path(sys.executable).with_name("chatproto-conformance"))
_SOAKED: Final = ("conformance", "chatproto", "reference_server")
_TIME_LIMIT: Final = "600"
"""Seconds of a run, which the busy cores make many times as long as usual."""
_BUT_DECLARED: Final = "conformant except for declared failures"
_WORDS: Final = {0: "conformant", 1: "accused", 3: "not launched", 4: "incomplete"}


def _spin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pass


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _run(asked: list[str]) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the suite once; return its outcome and its findings, in words."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "report.json"
        command = [_SUITE, "run", *asked, "--time-limit", _TIME_LIMIT, "--json", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not path.exists():
            return done, []
        found = [one for each in load_report(path).scenarios for one in each.findings]
    return done, [f"{one.requirement}: {one.actual}" for one in found if one.outcome == "fail"]


class Record:
    """The results of the runs against each server, all at one commit, and every accusation.

    The commit is the last that changed what is soaked. The record is written after each run, since
    a soak may be interrupted at any time.
    """

    def __init__(self, path: Path, commit: str, command: str) -> None:
        self.path = path
        self.came: dict[str, Counter[str]] = defaultdict(Counter)
        self._accusations: list[dict[str, object]] = []
        self._made = {"commit": commit, "command": command}

    @classmethod
    def read(cls, path: Path, commit: str, command: str) -> "Record":
        """Read the record of a file, to continue it; `SystemExit` if it is of another commit."""
        record = cls(path, commit, command)
        if path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["made"]["commit"] != commit:
                raise SystemExit(
                    f"{path} is of commit {kept['made']['commit']}, and this is {commit}: "
                    "keep it under another name, or remove it"
                )
            record._accusations = kept["accusations"]
            for name, words in kept["runs"].items():
                record.came[name].update(words)
        return record

    def add(self, name: str, word: str, findings: Sequence[str]) -> None:
        """Count a run; `findings` are those of a run that accused."""
        self.came[name][word] += 1
        if findings:
            self._accusations.append({"server": name, "findings": list(findings)})
        total = sum(words.total() for words in self.came.values())
        accused = sum(words[_WORDS[1]] for words in self.came.values())
        kept = {
            "made": self._made,
            "total": total,
            "accused": accused,
            "rate": accused / total,
            "interval_95": interval(accused, total),
            "accusations": self._accusations,
            "runs": self.came,
        }
        written = self.path.with_suffix(".partial")
        written.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        os.replace(written, self.path)


def interval(times: int, of: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a rate that was seen this many times of so many."""
    if not of:
        return 0.0, 1.0
    z = 1.96
    rate, spread = times / of, z * z / of
    middle = (rate + spread / 2) / (1 + spread)
    half = z * math.sqrt(rate * (1 - rate) / of + spread / of / 4) / (1 + spread)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return (0.0 if times == 0 else round(low, 6)), round(high, 6)


def _interleaved(runs: Runs, came: dict[str, Counter[str]]) -> list[str]:
    """Return each name as often as it still has to run, spread evenly, so that half a soak covers
    all."""
    turns = (
        ((turn + 0.5) / times, name)
        for name, (_, times) in runs.items()
        for turn in range(came[name].total(), times)
    )
    return [name for _, name in sorted(turns)]


def main() -> int:
    """Return 0 if every run was counted and none accused a server; 130 if not all were played."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--launch", required=True, help="the reference server")
    parser.add_argument("--rounds", type=int, default=200, help="runs against it")
    parser.add_argument("--legal", type=int, default=50, help="runs against each legal specimen")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once")
    parser.add_argument("--record", type=Path, required=True, help="the runs that are in it count")
    asked = parser.parse_args()
    record = Record.read(asked.record, commit(*_SOAKED), "make soak")
    with TemporaryDirectory() as profiles:
        runs = {"reference": (["--launch", asked.launch], asked.rounds)}
        for name, specimen in CATALOGUE.items():
            if specimen.legal:
                runs[name] = (told_of(specimen, Path(profiles)), asked.legal)
        with _busy_cores(), contextlib.suppress(KeyboardInterrupt):
            _soak(runs, asked.jobs, record)
    for name, words in record.came.items():
        _say(f"{name:28} {', '.join(f'{count} {word}' for word, count in words.items())}")
    done = sum(words.total() for words in record.came.values())
    asked_for = sum(times for _, times in runs.values())
    accused = sum(words[_WORDS[1]] for words in record.came.values())
    _say(f"{accused} of {done} runs accused a correct server; {asked_for} were asked for")
    if done < asked_for:
        return 130
    told = sum(words[_WORDS[0]] + words[_BUT_DECLARED] for words in record.came.values())
    return 0 if told == done else 1


@contextlib.contextmanager
def _busy_cores() -> Iterator[None]:
    spinners = [
        multiprocessing.Process(target=_spin, daemon=True)
        for _ in range(multiprocessing.cpu_count())
    ]
    for spinner in spinners:
        spinner.start()
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()


def _soak(runs: Runs, jobs: int, record: Record) -> None:
    """Play what is left of all runs, and count each result; an interrupt lets running ones end."""
    left = _interleaved(runs, record.came)
    began, total = time.monotonic(), sum(times for _, times in runs.values())
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(_run, runs[name][0]): name for name in left}
        try:
            for number, future in enumerate(as_completed(futures), total - len(left) + 1):
                name, (done, findings) = futures[future], future.result()
                word = _WORDS.get(done.returncode, f"status {done.returncode}")
                if done.returncode == 1 and _BUT_DECLARED in done.stdout:
                    word = _BUT_DECLARED
                record.add(name, word, findings if word == _WORDS[1] else [])
                _say(f"{number}/{total} {time.monotonic() - began:6.0f} s  {name}: {word}")
                if done.returncode and word != _BUT_DECLARED:
                    _say(done.stdout + done.stderr)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise


if __name__ == "__main__":
    sys.exit(main())
