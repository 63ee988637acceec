"""The command line of a node, in addition to the options of the reference server."""

import argparse
from pathlib import Path
from typing import Final

from chatproto.address import parse
from chatproto.entry import NAME
from reference_server.options import add_options, checked, size

EPILOG: Final = """\
examples:
  chatproto-cluster --node a --room lobby --log nats://10.0.0.1:4222,nats://10.0.0.2:4222
      one node of the room lobby, on tcp://127.0.0.1:9999; start others with other names
  chatproto-cluster --node b --room lobby --log nats://10.0.0.1:4222 --listen tcp://0.0.0.0:9999 \\
      --credentials /etc/chatproto/engine.creds --tls-ca /etc/chatproto/ca.pem
      the same with credentials and TLS, which come from files

SIGTERM, SIGINT and the console's quit stop it, as they do chatproto-server. Exit status: 0 stopped;
1 an address cannot be listened on, the log is not reached within 10 s of the start or is not this
room's, or another node of this name has started; 2 bad options. docs/cluster.md has the rest.
"""


def parser() -> argparse.ArgumentParser:
    """Make the parser: bad options end the process with status 2, named, with a remedy."""
    options = argparse.ArgumentParser(
        prog="chatproto-cluster",
        description="One node of a chatproto/1 room that many nodes serve, over NATS JetStream.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    engine = options.add_argument_group("the room and its log")
    add = engine.add_argument
    add(
        "--node",
        type=checked(_name),
        required=True,
        metavar="NAME",
        help="this node's name: letters, digits, - and _; no other node of the room has it",
    )
    add("--room", type=checked(_name), required=True, metavar="NAME", help="the room's name")
    add(
        "--log",
        type=checked(_servers),
        required=True,
        metavar="URL[,URL...]",
        help="the engine's servers: nats://HOST:PORT, or tls://HOST:PORT",
    )
    add(
        "--replicas",
        type=int,
        choices=[1, 3, 5],
        default=3,
        help="servers that keep the log, when the room is new (default: 3)",
    )
    add(
        "--retain",
        type=checked(_retained),
        default=256 * 1_048_576,
        metavar="SIZE",
        help="octets of the log to keep, when the room is new: a node that lags further behind "
        "closes its members and starts again, 16MiB or more (default: 256MiB)",
    )
    add(
        "--credentials",
        type=checked(_file),
        metavar="FILE",
        help="who asks: a NATS credentials file, an nkey's seed, or a user and a password on a "
        "line each",
    )
    add("--tls-ca", type=checked(_file), metavar="FILE", help="PEM: whom to trust")
    add("--tls-cert", type=checked(_file), metavar="FILE", help="PEM: this node's certificate")
    add("--tls-key", type=checked(_file), metavar="FILE", help="PEM: its key")
    add_options(options)
    return options


def _name(given: str) -> str:
    if NAME.fullmatch(given) is None:
        raise ValueError(f"not a name: {given!r}; write up to 32 letters, digits, - and _")
    return given


def _servers(given: str) -> tuple[str, ...]:
    servers = tuple(given.split(","))
    for server in servers:
        if "@" in server:
            raise ValueError("credentials are not for the command line; use --credentials FILE")
        scheme, _, where = server.partition("://")
        try:
            parse(f"tcp://{where}")
        except ValueError:
            scheme = ""
        if scheme not in ("nats", "tls") or where.endswith("/"):
            raise ValueError(
                f"not a server: {server!r}; write nats://HOST:PORT, or several, with ,"
            )
    return servers


def _retained(given: str) -> int:
    octets = size(given)
    if octets < 16 * 1_048_576:
        raise ValueError(f"too little: {given!r}; write 16MiB or more")
    return octets


def _file(given: str) -> Path:
    path = Path(given)
    try:
        path.open("rb").close()
    except OSError as error:
        raise ValueError(f"cannot read {given}: {error.strerror}") from None
    return path
