"""The command line: serve one specimen on a loopback port, or list them all."""

import argparse
import sys
from difflib import get_close_matches

from conformance.specimens import CATALOGUE, Options


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m conformance.specimens",
        description="Serve a specimen on 127.0.0.1 until it is stopped.",
    )
    parser.add_argument("name", nargs="?", help="which specimen")
    parser.add_argument("port", nargs="?", type=int, help="the port to listen on")
    parser.add_argument("--capacity", type=int, metavar="N", help="how many members at once")
    parser.add_argument(
        "--list", action="store_true", help="name every specimen, and what it breaks"
    )
    chosen = parser.parse_args(arguments)
    if chosen.list:
        for specimen in CATALOGUE.values():
            broken = " ".join(sorted(specimen.breaks)) or "legal"
            sys.stdout.write(f"{specimen.name:32} {broken:24} {specimen.summary}\n")
        return 0
    if chosen.name is None or chosen.port is None:
        parser.error("a name and a port are needed, or --list")
    specimen_or_none = CATALOGUE.get(chosen.name)
    if specimen_or_none is None:
        near = get_close_matches(chosen.name, CATALOGUE, n=1, cutoff=0.0)[0]
        parser.error(f"no specimen is named {chosen.name!r}; the nearest is {near!r}")
    return specimen_or_none.start(chosen.port, Options(capacity=chosen.capacity))


if __name__ == "__main__":
    sys.exit(main())
