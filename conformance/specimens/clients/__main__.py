"""The command line: chat as one of the client specimens, or list them all.

It is launched a thousand times when the suite is tested, so it imports no parser of options.
"""

import sys
from typing import Final

from conformance.specimens.clients import client_specimens

USAGE: Final = """\
usage: python -m conformance.specimens.clients NAME [HOST [PORT]]
       python -m conformance.specimens.clients

Chat as a specimen, at 127.0.0.1 and 9999 if not told otherwise; or name every specimen, and what it
breaks.
"""


def main() -> int:
    """Run the command; the exit status is the client's."""
    match sys.argv[1:]:
        case []:
            for one in client_specimens().values():
                broken = " ".join(sorted(one.breaks)) or "right"
                sys.stdout.write(f"{one.name:32} {broken:24} {one.summary}\n")
            return 0
        case ["--help" | "-h"]:
            sys.stdout.write(USAGE)
            return 0
        case [name, *rest] if name in client_specimens() and len(rest) <= 2:
            host, port = (*rest, *("127.0.0.1", "9999")[len(rest) :])
            if port.isdecimal():
                return client_specimens()[name].client(host, int(port)).run()
    sys.stderr.write(USAGE)
    return 2


if __name__ == "__main__":
    sys.exit(main())
