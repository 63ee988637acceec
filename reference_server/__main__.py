"""`chatproto-server`: the server as a process, with its log, its signals and its console."""

import argparse
import logging
import os
import selectors
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from chatproto import Limits
from reference_server.addresses import AddressError
from reference_server.capacity import make_room
from reference_server.console import Console, has_operator, logging_to_stderr, prompting
from reference_server.options import parser
from reference_server.server import ChatServer
from reference_server.waker import Waker

log = logging.getLogger("reference_server")


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal or the console's `quit` (STOP-1); 1 for an address in use (STOP-3)."""
    options = parser().parse_args(arguments)
    too_low = make_room(options.max_members)
    with ExitStack() as stack:
        signalled = stack.enter_context(_signals())
        handler = stack.enter_context(logging_to_stderr(log, options.log_level.upper()))
        if too_low is not None:
            log.warning("%s", too_low)
        server = _server(options)
        try:
            stack.enter_context(server)
        except AddressError as error:
            print(f"chatproto-server: {error}", file=sys.stderr)  # noqa: T201  # STOP-3
            return 1
        if sys.stdin is not None and (options.console or has_operator()):
            with prompting(handler):
                _wait(signalled, Console(server.members))
        else:
            _wait(signalled, None)
    return 0


def _server(options: argparse.Namespace) -> ChatServer:
    return ChatServer(
        options.listen or ["tcp://127.0.0.1:9999"],
        limits=Limits(
            line=options.line_limit, backlog=options.backlog, members=options.max_members
        ),
        charset=options.charset,
        heartbeat=options.heartbeat,
        time_zone=options.time_zone,
        log_text=options.log_text,
    )


def _wait(signalled: Waker, console: Console | None) -> None:
    """Return when a signal came or the operator said `quit`; not for the end of input alone."""
    with selectors.PollSelector() as selector:
        selector.register(signalled, selectors.EVENT_READ)
        if console is not None:
            selector.register(sys.stdin, selectors.EVENT_READ, console)
            console.prompt()
        while True:
            for key, _ in selector.select():
                if not isinstance(key.data, Console):
                    return
                try:
                    octets = os.read(key.fd, 4096)
                except OSError:  # the terminal is gone
                    octets = b""
                if not octets:
                    selector.unregister(key.fileobj)
                elif key.data.receive(octets):
                    return


@contextmanager
def _signals() -> Iterator[Waker]:
    """While in it, SIGTERM and SIGINT wake instead of ending the process."""
    waker = Waker()
    numbers = signal.SIGTERM, signal.SIGINT
    handlers = [signal.signal(number, lambda *_: None) for number in numbers]
    # Not from the handlers: Python may run them only once the wait they should end is over.
    wakeup = signal.set_wakeup_fd(waker.writer_fileno(), warn_on_full_buffer=False)
    try:
        yield waker
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)
        waker.close()


if __name__ == "__main__":
    sys.exit(main())
