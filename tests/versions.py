"""Runs the checks that do not depend on the machine with one CPython after another.

`make versions` tries python3.11 to python3.14 where they are on the PATH; PYTHONS names others.
Each gets a virtual environment of its own, with the pinned requirements, for as long as it takes.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
TESTS: Final = (
    "chatproto",
    "spec",
    "reference_server",
    "clustered_server",
    "chat_client",
    "typecheck",
)
_VERSION: Final = "import sys; print(sys.implementation.name, sys.version.split()[0])"


def main(pythons: list[str]) -> int:
    """Try each version; return 0 if those that were found pass, and one was found."""
    outcomes: dict[str, str] = {}
    for python in pythons:
        version = _version(python)
        if version is None:
            outcomes[python] = "not found"
            continue
        _say(f"== {python}: {version}")
        outcomes[python] = f"{version}: {'passed' if _passes(python) else 'FAILED'}"
    _say("\n== versions")
    for python, outcome in outcomes.items():
        _say(f"{python}  {outcome}")
    tried = [outcome for outcome in outcomes.values() if outcome != "not found"]
    return 0 if tried and all(outcome.endswith("passed") for outcome in tried) else 1


def _version(python: str) -> str | None:
    try:
        done = subprocess.run(
            [python, "-c", _VERSION], capture_output=True, text=True, check=True, cwd=ROOT
        )
    # A shim on the PATH for a version that is not installed fails, too.
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _passes(python: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        binaries = Path(folder) / "bin"
        own, pip = str(binaries / "python"), ("-m", "pip", "-q", "--disable-pip-version-check")
        return all(
            _succeeds(folder, *command)
            for command in (
                (python, "-m", "venv", folder),
                (own, *pip, "install", "-r", "requirements.txt"),
                (own, *pip, "install", "--no-deps", "--no-build-isolation", "-e", "."),
                (own, "-m", "mypy", "--cache-dir", f"{folder}/mypy"),
                (own, "-m", "pytest", "-q", "-rs", *(f"tests/{name}" for name in TESTS)),
            )
        )


def _succeeds(folder: str, *command: str) -> bool:
    environment = {**os.environ, "PATH": f"{folder}/bin{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def _say(what: str) -> None:
    print(what, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
