"""The command line: chat as one of the client specimens, or list them all."""

import argparse
import sys

from conformance.specimens.clients import client_specimens


def main() -> int:
    """Run the command; the exit status is the client's."""
    parser = argparse.ArgumentParser(prog="python -m conformance.specimens.clients")
    parser.add_argument("name", nargs="?", choices=sorted(client_specimens()), metavar="NAME")
    parser.add_argument("host", nargs="?", default="127.0.0.1")
    parser.add_argument("port", nargs="?", type=int, default=9999)
    chosen = parser.parse_args()
    if chosen.name is None:
        for one in client_specimens().values():
            broken = " ".join(sorted(one.breaks)) or "right"
            sys.stdout.write(f"{one.name:32} {broken:24} {one.summary}\n")
        return 0
    return client_specimens()[chosen.name].client(chosen.host, chosen.port).run()


if __name__ == "__main__":
    sys.exit(main())
