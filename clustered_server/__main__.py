"""`chatproto-cluster`: a node as a process, with its log, its signals and its console."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Final

from chatproto import Limits
from clustered_server.engine import Engine, Foreign, Unavailable
from clustered_server.options import parser
from clustered_server.server import ClusteredServer, Ended
from reference_server.addresses import AddressError, Listener, open_listeners
from reference_server.capacity import make_room
from reference_server.console import Console, has_operator, logging_to_stderr, prompting

PATIENCE: Final = 10.0
"""Seconds within which the engine must be reached at the start."""
RETRY: Final = 0.5

_Open = Callable[[], Awaitable[Engine]]

log = logging.getLogger("clustered_server")


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal or the console's `quit` (STOP-1); 1 for what cannot be served."""
    asked = parser()
    options = asked.parse_args(arguments)
    try:
        from clustered_server.jetstream import Access, JetStream
    except ModuleNotFoundError as error:
        if error.name != "nats":
            raise
        asked.error('nats-py is not installed; pip install "chatproto-1[cluster]"')
    access = Access(
        options.log, options.credentials, options.tls_ca, options.tls_cert, options.tls_key
    )
    try:
        access.options()
    except ValueError as error:
        asked.error(str(error))

    async def open_engine() -> Engine:
        return await JetStream.open(access, options.room, options.replicas, options.retain)

    too_low = make_room(options.max_members)
    # With TLS, the NATS client has asyncio warn at each end of a connection.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    with ExitStack() as stack:
        handler = stack.enter_context(logging_to_stderr(log, options.log_level.upper()))
        if too_low is not None:
            log.warning("%s", too_low)
        try:
            listeners = open_listeners(options.listen or ["tcp://127.0.0.1:9999"])
            for listener in listeners:
                stack.callback(listener.close)
            console = sys.stdin is not None and (options.console or has_operator())
            if console:
                stack.enter_context(prompting(handler))
            asyncio.run(_serve(options, open_engine, listeners, console))
        except AddressError as error:
            return _complain(str(error))
        except Unavailable as error:
            return _complain(
                f"cannot reach the log at {', '.join(options.log)}: {error}; see that the engine "
                "runs there, with JetStream, that most of its servers do, and that it admits "
                "this node"
            )
        except Foreign as error:
            return _complain(
                f"cannot use the log: {error}; nothing was changed; name another "
                "--room, or give the --replicas and --retain that it was made with"
            )
        except Ended as error:
            return _complain(f"{error}; give each node a name of its own")
    return 0


async def _serve(
    options: argparse.Namespace, open_engine: _Open, listeners: list[Listener], console: bool
) -> None:
    deadline = time.monotonic() + PATIENCE
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in signal.SIGTERM, signal.SIGINT:
        loop.add_signal_handler(number, stopped.set)
    engine = await _reach(open_engine, deadline, stopped)
    if engine is None:
        return
    try:
        server = ClusteredServer(
            options.node,
            engine,
            listeners,
            limits=Limits(
                line=options.line_limit, backlog=options.backlog, members=options.max_members
            ),
            charset=options.charset,
            heartbeat=options.heartbeat,
            time_zone=options.time_zone,
            log_text=options.log_text,
            patience=max(0.0, deadline - time.monotonic()),
        )
        if server.replica.largest_entry > engine.largest_entry:
            raise Foreign(
                f"its messages have up to {engine.largest_entry} octets, and --line-limit "
                f"{options.line_limit} wants {server.replica.largest_entry} (its max_payload)"
            )
        for number in signal.SIGTERM, signal.SIGINT:
            loop.add_signal_handler(number, server.stop)
        if stopped.is_set():
            server.stop()
        if console:
            _attend(Console(server.members), server)
        await server.run()
    finally:
        await engine.close()


async def _reach(open_engine: _Open, deadline: float, stopped: asyncio.Event) -> Engine | None:
    """Reach the engine before the deadline; None if the node was stopped meanwhile."""
    failure: Unavailable | None = None
    while not stopped.is_set():
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await open_engine()
        except TimeoutError:
            raise failure or Unavailable(f"it did not answer within {PATIENCE:g} s") from None
        except Unavailable as error:
            if time.monotonic() + RETRY >= deadline:
                raise
            if failure is None:
                log.warning("cannot reach the log yet: %s; trying for %g s", error, PATIENCE)
            failure = error
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), RETRY)
    return None


def _attend(console: Console, server: ClusteredServer) -> None:
    """Read the operator's commands. The end of input does not stop the node."""
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno()

    def read() -> None:
        try:
            octets = os.read(descriptor, 4096)
        except OSError:  # the terminal is gone
            octets = b""
        if not octets:
            loop.remove_reader(descriptor)
        elif console.receive(octets):
            server.stop()

    console.prompt()
    try:
        loop.add_reader(descriptor, read)
    except PermissionError:  # a file, all of which is there
        if console.receive(os.read(descriptor, 65_536)):
            server.stop()


def _complain(what: str) -> int:
    print(f"chatproto-cluster: {what}", file=sys.stderr)  # noqa: T201  # STOP-3
    return 1


if __name__ == "__main__":
    sys.exit(main())
