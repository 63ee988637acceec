"""`chatproto-chat`: runs the client at a terminal or in a pipe, and exits with a status."""

import asyncio
import io
import selectors
import sys
from typing import Final

from chat_client import plain
from chat_client.address import ConnectError
from chat_client.options import Options, parser

INTERRUPTED: Final = 130


def main(arguments: list[str] | None = None) -> int:
    """Chat; return 0 after leaving in order, 1 for no connection or a lost one, 2 for bad usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what its charset lacks
    options = parser().parse_args(arguments, Options())
    chat = plain.chat
    if not options.plain and _is_terminal():
        try:
            from chat_client import terminal
        except ModuleNotFoundError as error:
            if error.name != "prompt_toolkit":
                raise
            _tell(
                "editing needs prompt_toolkit, which is not installed; "
                'pip install "chatproto-1[client]", or use --plain'
            )
            return 2
        chat = terminal.chat
    try:
        with asyncio.Runner(loop_factory=_loop) as runner:
            return runner.run(chat(options.address))
    except ConnectError as error:
        _tell(str(error))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _is_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _loop() -> asyncio.AbstractEventLoop:
    # Unlike epoll, poll takes a file as input, too: chatproto-chat --plain < lines.
    selector = getattr(selectors, "PollSelector", selectors.DefaultSelector)
    return asyncio.SelectorEventLoop(selector())


def _tell(what: str) -> None:
    print(f"chatproto-chat: {what}", file=sys.stderr)  # noqa: T201  # its own messages


if __name__ == "__main__":
    sys.exit(main())
