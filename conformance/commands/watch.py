"""chatproto-conformance watch: proxy real clients to a real server, and judge both."""

import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import click
from rich.console import Console

from chatproto import __version__
from conformance.commands.exit_statuses import BROKEN_DOWN, EPILOG, STATUS
from conformance.output.findings import print_blame, print_findings
from conformance.report.build import judged_again
from conformance.standard.requirements import PROTOCOL
from conformance.target.address import (
    AddressError,
    SharedRoom,
    TcpAddress,
    UnixAddress,
    parse_address,
)
from conformance.target.system import unix_socket
from conformance.transcript.events import Finish, Start
from conformance.transcript.files import Recorder, read
from conformance.watch.keeping import Keeper
from conformance.watch.relay import Relay

_MOST: Final = 64.0
_QUEUE: Final = 512
"""The listen backlog."""


def _address(_: click.Context, param: click.Parameter, given: str) -> TcpAddress | UnixAddress:
    """Parse a single address; `BadParameter` if it is none, or several."""
    try:
        address = parse_address(given)
    except AddressError as error:
        raise click.BadParameter(str(error), param=param) from None
    if isinstance(address, SharedRoom):
        raise click.BadParameter("watch takes a single address", param=param)
    return address


@click.command(epilog=EPILOG)
@click.argument("server", callback=_address, metavar="TARGET")
@click.option(
    "--listen",
    callback=_address,
    default="tcp://127.0.0.1:9000",
    show_default=True,
    metavar="ADDRESS",
    help="The address to which clients connect.",
)
@click.option(
    "--transcript",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the transcript to FILE, for judge.",
)
@click.option(
    "--most",
    type=click.FloatRange(min=0.001),
    default=_MOST,
    show_default=True,
    metavar="MIB",
    help="Record up to this much traffic, and judge that; forwarding goes on.",
)
def watch(
    server: TcpAddress | UnixAddress,
    listen: TcpAddress | UnixAddress,
    transcript: Path | None,
    most: float,
) -> None:
    """Forward between real clients and a server, and judge both.

    Clients connect to the watch, which connects each to the server at TARGET and forwards all
    traffic unchanged. Ctrl-C ends the watch and prints what the server and the clients broke. A
    finding is unknown if it depends on what the watch cannot see, such as members connected
    directly to the server.

    \b
    chatproto-conformance watch tcp://server:9999 --listen tcp://127.0.0.1:9000
    """
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="chatproto-watch-") as folder:
        path = transcript or Path(folder) / "watch.jsonl"
        try:
            with _listen(listen) as listener:
                _record(console, listener, server, path, int(most * 2**20))
        except OSError as error:
            click.echo(f"chatproto-conformance: {error}", err=True)
            sys.exit(BROKEN_DOWN)
        click.echo("judging the transcript …", err=True)
        result = judged_again(read(path))
    kept = f"judge {transcript}" if transcript else "watch … --transcript FILE, and judge FILE"
    print_findings(console, [result], lambda _: f"chatproto-conformance {kept}")
    print_blame(console, result)
    sys.exit(STATUS[result.verdict])


@contextmanager
def _listen(address: TcpAddress | UnixAddress) -> Iterator[socket.socket]:
    """Listen on an address; an `OSError` names it. A Unix-domain socket is removed afterwards."""
    if isinstance(address, UnixAddress):
        listener = unix_socket()
        where: object = address.path
    else:
        listener = socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET)
        where = (address.host, address.port)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with listener:
        try:
            listener.bind(where)  # type: ignore[arg-type]  # as its family has it
        except OSError as error:
            raise OSError(f"cannot listen on {address}: {error.strerror}") from None
        listener.listen(_QUEUE)
        try:
            yield listener
        finally:
            if isinstance(address, UnixAddress):
                Path(address.path).unlink(missing_ok=True)


def _record(
    console: Console,
    listener: socket.socket,
    server: TcpAddress | UnixAddress,
    path: Path,
    most: int,
) -> None:
    """Forward until a signal comes, and record up to `most` octets."""

    def tell(said: str) -> None:
        console.print(said, markup=False)

    recorder = Recorder(path)
    keeper = Keeper(recorder.record, most, tell)
    try:
        relay = Relay(listener, server, keeper.record, tell)
        keeper.record(
            Start(
                t=0.0,
                scenario="watch/conversation",
                requirements=("ROOM-2",),
                protocol=PROTOCOL,
                suite=__version__,
                seed=0,
                target=str(server),
                wall=time.time(),
                same_clock=server.is_local,
                exclusive=False,
                addresses="same" if server.is_local else "unsure",
                capacity=None,
                stops=(),
                factor=1.0,
                earlier=(),
                watched=True,
            )
        )
        with _until_a_signal() as signals:
            console.print(f"watching {server}; Ctrl-C ends it", markup=False)
            relay.run(lambda: bool(signals))
        end = relay.now() if keeper.full_at is None else keeper.full_at
        recorder.record(Finish(end, keeper.why))
    finally:
        recorder.close()


@contextmanager
def _until_a_signal() -> Iterator[list[int]]:
    """Collect the signals that end the watch; a second one ends the process."""
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
