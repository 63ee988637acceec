"""Run the whole suite again and again while every core is busy, and count the accusations."""

import argparse
import multiprocessing
import subprocess
import sys
from pathlib import Path


def _spin() -> None:
    while True:
        pass


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run so many rounds; 0 where no round found anything, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--launch", required=True, help="the server, which is correct")
    arguments = parser.parse_args()
    suite = str(Path(sys.executable).with_name("chatproto-conformance"))
    command = [suite, "run", "--launch", arguments.launch]
    spinners = [
        multiprocessing.Process(target=_spin, daemon=True)
        for _ in range(multiprocessing.cpu_count())
    ]
    accusations = 0
    for spinner in spinners:
        spinner.start()
    try:
        for round_ in range(1, arguments.rounds + 1):
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            accusations += run.returncode != 0
            last = run.stdout.strip().rpartition("\n")[2]
            _say(f"{round_}/{arguments.rounds}: status {run.returncode}: {last}")
            if run.returncode:
                _say(run.stdout + run.stderr)
    finally:
        for spinner in spinners:
            spinner.kill()
    _say(f"{accusations} of {arguments.rounds} runs accused a correct server")
    return 1 if accusations else 0


if __name__ == "__main__":
    sys.exit(main())
