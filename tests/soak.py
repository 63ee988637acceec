"""Run the whole suite again and again against correct servers while every core is kept busy, and
count the accusations: the reference server, and each strange but legal specimen.
"""

import argparse
import multiprocessing
import subprocess
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final

from conformance.specimens import CATALOGUE

_SUITE: Final = str(Path(sys.executable).with_name("chatproto-conformance"))
_WORDS: Final = {0: "conformant", 1: "ACCUSED", 3: "not launched", 4: "not all told"}


def _spin() -> None:
    while True:
        pass


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _run(launch: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_SUITE, "run", "--launch", launch], capture_output=True, text=True, check=False
    )


def _interleaved(runs: dict[str, tuple[str, int]]) -> list[str]:
    """Each name as often as it is to run, spread evenly, so that half a soak tells of all."""
    turns = (
        ((turn + 0.5) / times, name) for name, (_, times) in runs.items() for turn in range(times)
    )
    return [name for _, name in sorted(turns)]


def main() -> int:
    """0 where no run accused a server, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--launch", required=True, help="the reference server")
    parser.add_argument("--rounds", type=int, default=200, help="runs against it")
    parser.add_argument("--legal", type=int, default=50, help="runs against each legal specimen")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once")
    asked = parser.parse_args()
    runs = {"reference": (asked.launch, asked.rounds)}
    for name, specimen in CATALOGUE.items():
        if specimen.legal:
            command = f"{sys.executable} -m conformance.specimens {name} {{port}}"
            runs[name] = (command, asked.legal)
    spinners = [
        multiprocessing.Process(target=_spin, daemon=True)
        for _ in range(multiprocessing.cpu_count())
    ]
    for spinner in spinners:
        spinner.start()
    came: dict[str, Counter[str]] = defaultdict(Counter)
    began, total = time.monotonic(), sum(times for _, times in runs.values())
    try:
        with ThreadPoolExecutor(asked.jobs) as pool:
            futures = {pool.submit(_run, runs[name][0]): name for name in _interleaved(runs)}
            for number, future in enumerate(as_completed(futures), 1):
                name, done = futures[future], future.result()
                word = _WORDS.get(done.returncode, f"status {done.returncode}")
                came[name][word] += 1
                _say(f"{number}/{total} {time.monotonic() - began:6.0f} s  {name}: {word}")
                if done.returncode:
                    _say(done.stdout + done.stderr)
    finally:
        for spinner in spinners:
            spinner.kill()
    for name, words in came.items():
        _say(f"{name:28} {', '.join(f'{count} {word}' for word, count in words.items())}")
    accused = sum(words[_WORDS[1]] for words in came.values())
    _say(f"{accused} of {total} runs accused a correct server")
    return 1 if accused else 0


if __name__ == "__main__":
    sys.exit(main())
