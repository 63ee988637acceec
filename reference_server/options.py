"""What can be asked of the process on its command line, and what is wrong with what was asked."""

import argparse
import re
from collections.abc import Callable
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from chatproto import Limits, __version__
from chatproto.address import parse

_T = TypeVar("_T")

EPILOG: Final = """\
examples:
  chatproto-server
      serve on tcp://127.0.0.1:9999; in another terminal: nc 127.0.0.1 9999
  chatproto-server --listen tcp://0.0.0.0:9999 --listen 'tcp://[::1]:9999' --listen unix:/tmp/chat
      serve every IPv4 interface, IPv6 on this host, and a Unix-domain socket
  chatproto-server --listen tcp://127.0.0.1:0
      serve on a free port; the log says which
  chatproto-server --max-members 1000 --backlog 2MiB --line-limit 4096
      bound what members may take
  chatproto-server --charset gbk --time-zone Asia/Shanghai
      clients write GBK, headers tell the time in Shanghai; what is sent stays UTF-8

SIGTERM, SIGINT and the console's quit stop it: members get what they are owed and an orderly end
of stream, within 3 s. Exit status: 0 stopped, 1 an address cannot be listened on, 2 bad options.
"""


def parser() -> argparse.ArgumentParser:
    """Make the parser: bad options end the process with status 2, named, with a remedy."""
    options = argparse.ArgumentParser(
        prog="chatproto-server",
        description="The reference server of chatproto/1, a TCP group chat for nc and telnet.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_options(options)
    return options


def add_options(options: argparse.ArgumentParser) -> None:
    """Add what can be asked of any server here: where it listens, its limits, clock and log."""
    add = options.add_argument
    add(
        "--listen",
        action="append",
        type=checked(_address),
        metavar="ADDRESS",
        help="tcp://HOST:PORT, tcp://[::1]:PORT or unix:/path; may be repeated "
        "(default: tcp://127.0.0.1:9999)",
    )
    add(
        "--line-limit",
        type=checked(lambda given: Limits(line=size(given)).line),
        default=Limits().line,
        metavar="SIZE",
        help="octets a line may have, 1KiB to 1MiB (default: 64KiB)",
    )
    add(
        "--backlog",
        type=checked(lambda given: Limits(backlog=size(given)).backlog),
        default=Limits().backlog,
        metavar="SIZE",
        help="octets that may wait for a member before it is evicted, 1MiB to 15MiB "
        "(default: 8MiB)",
    )
    add(
        "--max-members",
        type=checked(_members),
        metavar="N",
        help="members at once; more are refused with a notice; the server says at its start if the "
        "system allows fewer (default: no bound)",
    )
    add(
        "--heartbeat",
        type=checked(_seconds),
        default=30.0,
        metavar="SECONDS",
        help="time between heartbeats, which dead members leave unanswered; 0 for none: TCP's "
        "keepalive asks instead (default: 30)",
    )
    add(
        "--charset",
        choices=["utf-8", "gbk"],
        default="utf-8",
        help="what clients send; what is sent to them is always UTF-8 (default: utf-8)",
    )
    add(
        "--time-zone",
        type=checked(_time_zone),
        default=UTC,
        metavar="ZONE",
        help="of the broadcasts' headers: Europe/Berlin, +05:30, --time-zone=-03:00 (default: UTC)",
    )
    add(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        default="info",
        help="the log goes to standard error (default: info)",
    )
    add("--log-text", action="store_true", help="log what members say, too")
    add(
        "--console",
        action="store_true",
        help="read the operator's commands from standard input, though it is no terminal",
    )
    add("--version", action="version", version=f"%(prog)s {__version__}")


def checked(read: Callable[[str], _T]) -> Callable[[str], _T]:
    """Let argparse say what is wrong with a value, and what would do, in the reader's words."""

    def check(given: str) -> _T:
        try:
            return read(given)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return check


def _address(given: str) -> str:
    try:
        parse(given)
    except ValueError as error:
        every = "for every interface tcp://0.0.0.0:9999 or tcp://[::]:9999"
        raise ValueError(f"{error} ({every})") from None
    return given


def size(given: str) -> int:
    match = re.fullmatch(r"([0-9]+)\s*(|KiB|MiB)", given, re.IGNORECASE)
    if match is None:
        raise ValueError(f"not a size: {given!r}; write octets, as 65536, 64KiB or 8MiB")
    return int(match[1]) * {"": 1, "kib": 1024, "mib": 1024 * 1024}[match[2].lower()]


def _members(given: str) -> int:
    if not given.isascii() or not given.isdigit() or int(given) < 1:
        raise ValueError(f"not a number of members: {given!r}; write 1 or more")
    return int(given)


def _seconds(given: str) -> float:
    seconds = float(given) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", given) else -1
    if seconds < 0:
        raise ValueError(f"not a number of seconds: {given!r}; write as 30 or 0.5, or 0 for none")
    return seconds


def _time_zone(given: str) -> tzinfo:
    offset = re.fullmatch(r"([+-])([01][0-9]):(00|15|30|45)", given)
    if offset is not None:
        east = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(east if offset[1] == "+" else -east)
    try:
        return ZoneInfo(given)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"not a time zone: {given!r}; write an IANA name, as Europe/Berlin, or an offset in "
            "quarter hours, as +05:30"
        ) from None
