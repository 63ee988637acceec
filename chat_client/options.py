"""The command line of the client, and its usage errors."""

import argparse
from typing import Final

from chat_client.address import Address, parse
from chatproto import __version__

EPILOG: Final = """\
examples:
  chatproto-chat
      chat on tcp://127.0.0.1:9999, where chatproto-server listens
  chatproto-chat 'tcp://[2001:db8::1]:9999'
      over IPv6; unix:/path is a Unix-domain socket
  echo 'the build is green' | chatproto-chat --plain tcp://127.0.0.1:9999
      send a line, print what still comes, leave
  tail -f /dev/null | chatproto-chat --plain tcp://127.0.0.1:9999 >> room.log
      listen only

At a terminal: type a line; Enter sends it. /help explains, /quit or Ctrl-D leaves, Ctrl-C clears
the line. Each message shows your time, the server's, the sender and the text:
  18:45:40 (17:45:39) 127.0.0.1:52012  hello
A lost connection is made again, after longer and longer waits; Ctrl-C or Ctrl-D ends that.
NO_COLOR=1 turns colours off.

In a pipe (--plain): each line of input is sent. At its end the client leaves, and prints what still
comes. Each line of output has the server's time, the local one, the sender and the text; a notice
has - for the server's time, and its code after a !. Lines that are not sent are reported on
standard error:
  2021-07-03T17:45:39 2021-07-03T18:45:40+01:00 127.0.0.1:52012 hello
  - 2021-07-03T18:45:41+01:00 !shutting-down

White space at the ends of a line is not sent. A text that would not arrive unchanged is refused
with the reason: control characters, the word quit alone, more than 1,024 octets.

Exit status: 0 left in order, 1 no connection or a lost one, 2 bad options.
"""


class Options(argparse.Namespace):
    address: Address
    plain: bool


def parser() -> argparse.ArgumentParser:
    """Make the parser: bad options end the process with status 2, named, with a remedy."""
    options = argparse.ArgumentParser(
        prog="chatproto-chat",
        description="Chat on a chatproto/1 server.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    options.add_argument(
        "address",
        nargs="?",
        type=_address,
        default="tcp://127.0.0.1:9999",
        metavar="ADDRESS",
        help="tcp://HOST:PORT, tcp://[::1]:PORT or unix:/PATH (default: %(default)s)",
    )
    options.add_argument(
        "--plain",
        action="store_true",
        help="print one line for each message, without editing and colours; the default if input "
        "or output is not a terminal",
    )
    options.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return options


def _address(given: str) -> Address:
    try:
        return parse(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
