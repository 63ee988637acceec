"""Evidence: what runs produced and is kept, each file with the commit and the command that made it.

`python -m tests.evidence reports/specimens.json matrix.json --command "make specimens"` keeps a
report. A file is a JSON object whose first key, `made`, says where it comes from.
"""

import argparse
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
EVIDENCE: Final = ROOT / "evidence"


def commit(*paths: str) -> str:
    """Return the last commit that changed one of these paths, or anything, followed by `+` if files
    of theirs have changed since."""
    found = _git("log", "-1", "--format=%h", "--", *paths)
    return f"{found}+" if _git("status", "--porcelain", "--untracked-files=no", *paths) else found


def _git(*arguments: str) -> str:
    asked = ["git", *arguments]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.strip()


def made(command: str) -> dict[str, str]:
    """Return what makes a file now: the commit, the command, the day."""
    return {"commit": commit(), "command": command, "date": datetime.now(UTC).date().isoformat()}


def keep(path: Path, content: dict[str, object], command: str) -> None:
    """Write an object as evidence, made by this command at this commit."""
    whole = {"made": made(command), **{k: v for k, v in content.items() if k != "made"}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> int:
    """Keep a report as evidence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="a JSON object that a run wrote")
    parser.add_argument("name", help="its name in evidence/")
    parser.add_argument("--command", required=True, help="what wrote it")
    asked = parser.parse_args()
    content = json.loads(asked.report.read_text(encoding="utf-8"))
    keep(EVIDENCE / asked.name, content, asked.command)
    return 0


if __name__ == "__main__":
    sys.exit(main())
