"""The command line: serve one specimen on a loopback port, or list them all.

It is launched a thousand times when the suite is tested, so it imports no parser of options.
"""

import sys
from typing import Final

from conformance.specimens import CATALOGUE, find

USAGE: Final = """\
usage: python -m conformance.specimens NAME PORT
       python -m conformance.specimens --list

Serve a specimen on 127.0.0.1 until it is stopped; or name every specimen, and what it breaks.
"""


def main() -> int:
    """Run the command; return its exit status."""
    match sys.argv[1:]:
        case ["--help" | "-h"]:
            sys.stdout.write(USAGE)
            return 0
        case ["--list"]:
            for one in CATALOGUE.values():
                broken = " ".join(sorted(one.breaks)) or "legal"
                sys.stdout.write(f"{one.name:32} {broken:24} {one.summary}\n")
            return 0
        case [name, port] if port.isdecimal():
            if (specimen := find(name)) is not None:
                return specimen.start(int(port))
            return _refuse(f"no specimen is named {name!r}; the nearest is {_nearest(name)!r}")
        case _:
            return _refuse("a name and a port are needed, or --list")


def _refuse(why: str) -> int:
    sys.stderr.write(f"{USAGE}\npython -m conformance.specimens: {why}\n")
    return 2


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    return get_close_matches(name, CATALOGUE, n=1, cutoff=0.0)[0]


if __name__ == "__main__":
    sys.exit(main())
