"""Run the suite and the client with the lowest versions of their dependencies that are allowed.

`python -m tests.lowest DIRECTORY` makes an environment there with each bound of pyproject.toml
taken at its word, and lets the suite judge the reference server and a broken one in it.
"""

import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
EXTRAS: Final = ("client", "conformance")
_WIRE_ALONE: Final = "FRM,QUIT,TXT-2"


def lowest() -> list[str]:
    """Return the requirements of the extras, each in the lowest version allowed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [one for extra in EXTRAS for one in project["optional-dependencies"][extra]]
    return [one.replace(">=", "==") for one in needed]


def main() -> int:
    """Return 0 if all of it works."""
    directory = Path(sys.argv[1]).resolve()
    venv.create(directory, clear=True)
    python = str(directory / "bin" / "python")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(directory)]
    subprocess.run([*build, str(ROOT)], check=True, stdout=subprocess.DEVNULL)
    # Most of what is installed is never imported, so each module is compiled when it is imported.
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "--no-compile", *lowest()]
    subprocess.run([*install, *map(str, directory.glob("*.whl"))], check=True)
    suite = [python, "-m", "conformance"]
    server = f"{python} -m reference_server --listen {{address}}"
    broken = f"{python} -m conformance.specimens one-read-one-message {{port}}"
    page, junit = str(directory / "r.html"), str(directory / "r.xml")
    run = ["run", "--time-limit", "300"]
    for arguments, status in (
        (["--help"], 0),
        (["explain", "QUIT-3"], 0),
        ([*run, "--only", _WIRE_ALONE, "--launch", server, "--html", page], 0),
        ([*run, "--only", "FRM-1", "--launch", broken, "--junit", junit], 1),
        (["report", "--help"], 0),
    ):
        done = subprocess.run([*suite, *arguments], check=False, cwd=directory, text=True)
        if done.returncode != status:
            sys.stdout.write(f"{arguments}: status {done.returncode}, not {status}\n")
            return 1
    subprocess.run([python, "-m", "chat_client", "--help"], check=True, cwd=directory)
    subprocess.run(
        [
            python,
            "-m",
            "pytest",
            "-q",
            "--pyargs",
            "conformance",
            "--chat-launch",
            server,
            "-k",
            "FRM-3",
        ],
        check=True,
        cwd=directory,
    )
    sys.stdout.write(f"{', '.join(lowest())}: all of it works\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
