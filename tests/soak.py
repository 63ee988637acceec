"""Run the whole suite again and again against correct servers while every core is kept busy, and
count the accusations: the reference server, and each strange but legal specimen.

It takes hours. With a log, one that was broken off goes on where it was; the log of a suite that
has changed since is to be removed.
"""

import argparse
import contextlib
import json
import multiprocessing
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from conformance.specimens import CATALOGUE
from tests.conformance.command import told_of

Runs = dict[str, tuple[list[str], int]]
"""By name: what to ask of `run`, and how often."""

_SUITE: Final = str(Path(sys.executable).with_name("chatproto-conformance"))
_BUT_DECLARED: Final = "conformant but for what is declared"
_WORDS: Final = {0: "conformant", 1: "ACCUSED", 3: "not launched", 4: "not all told"}


def _spin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pass


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _run(asked: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([_SUITE, "run", *asked], capture_output=True, text=True, check=False)


def _came_before(log: Path | None) -> dict[str, Counter[str]]:
    """For each name how often what came of it, by the log of a soak that was broken off."""
    came: dict[str, Counter[str]] = defaultdict(Counter)
    if log is not None and log.exists():
        for line in log.read_text().splitlines():
            run = json.loads(line)
            came[run["name"]][run["came"]] += 1
    return came


def _interleaved(runs: Runs, came: dict[str, Counter[str]]) -> list[str]:
    """Each name as often as it is still to run, spread evenly, so that half a soak tells of all."""
    turns = (
        ((turn + 0.5) / times, name)
        for name, (_, times) in runs.items()
        for turn in range(came[name].total(), times)
    )
    return [name for _, name in sorted(turns)]


def main() -> int:
    """0 where no run accused a server, 1 where one did, 130 where not all were played."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--launch", required=True, help="the reference server")
    parser.add_argument("--rounds", type=int, default=200, help="runs against it")
    parser.add_argument("--legal", type=int, default=50, help="runs against each legal specimen")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once")
    parser.add_argument("--log", type=Path, help="a line a run; those that are in it are counted")
    asked = parser.parse_args()
    log: Path | None = asked.log
    came = _came_before(log)
    with TemporaryDirectory() as profiles:
        runs = {"reference": (["--launch", asked.launch], asked.rounds)}
        for name, specimen in CATALOGUE.items():
            if specimen.legal:
                runs[name] = (told_of(specimen, Path(profiles)), asked.legal)
        with _busy_cores(), contextlib.suppress(KeyboardInterrupt):
            _soak(runs, asked.jobs, came, log)
    for name, words in came.items():
        _say(f"{name:28} {', '.join(f'{count} {word}' for word, count in words.items())}")
    done = sum(words.total() for words in came.values())
    asked_for = sum(times for _, times in runs.values())
    accused = sum(words[_WORDS[1]] for words in came.values())
    _say(f"{accused} of {done} runs accused a correct server; {asked_for} were asked for")
    if done < asked_for:
        return 130
    return 1 if accused else 0


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


def _soak(runs: Runs, jobs: int, came: dict[str, Counter[str]], log: Path | None) -> None:
    """Play what is left of all runs, and count what came of each; an interrupt lets those under
    way end."""
    left = _interleaved(runs, came)
    began, total = time.monotonic(), sum(times for _, times in runs.values())
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(_run, runs[name][0]): name for name in left}
        try:
            for number, future in enumerate(as_completed(futures), total - len(left) + 1):
                name, done = futures[future], future.result()
                word = _WORDS.get(done.returncode, f"status {done.returncode}")
                if done.returncode == 1 and _BUT_DECLARED in done.stdout:
                    word = _BUT_DECLARED
                came[name][word] += 1
                if log is not None:
                    with log.open("a") as kept:
                        kept.write(json.dumps({"name": name, "came": word}) + "\n")
                _say(f"{number}/{total} {time.monotonic() - began:6.0f} s  {name}: {word}")
                if done.returncode and word != _BUT_DECLARED:
                    _say(done.stdout + done.stderr)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise


if __name__ == "__main__":
    sys.exit(main())
