"""What pytest loads of the suite wherever it is installed: options, and nothing else until one of
them is given, or the scenarios are asked for by name.

    pytest --pyargs conformance --chat-launch "python server.py {port}"

It is no part of `conformance`, which nobody's run is to import that has a package of that name.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import pytest

_NAMES_IT: Final = ("chat_target", "chat_launch", "chat_profile", "chat_client")
"""The options that name a server, or a client."""
_Number = TypeVar("_Number", int, float)


def _at_least(kind: type[_Number], least: _Number) -> Callable[[str], _Number]:
    """A number as an option takes it."""

    def read(text: str) -> _Number:
        if (number := kind(text)) < least:
            raise ValueError
        return number

    read.__name__ = f"number of at least {least}"
    return read


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup(
        "chatproto", "judge a chat server, or client, of chatproto/1 (with: --pyargs conformance)"
    )
    group.addoption("--chat-target", metavar="ADDRESS", help="the server's address, if it runs")
    group.addoption(
        "--chat-launch",
        metavar="COMMAND",
        help="start, stop and restart the server with this; {port}, {host}, {path} and {address} "
        "are filled in",
    )
    group.addoption(
        "--chat-profile",
        metavar="PROFILE",
        help="all of it from a TOML file, or a dialect that comes with the suite, by its name",
    )
    group.addoption(
        "--chat-client",
        metavar="COMMAND",
        help="judge the client that this starts, instead of a server; {host}, {port} and {address} "
        "are filled in",
    )
    group.addoption(
        "--chat-client-use",
        choices=("terminal", "pipe", "jsonl"),
        default="terminal",
        help="use it at a terminal, by its standard streams, or as an adapter of JSON lines",
    )
    group.addoption(
        "--chat-client-leave",
        metavar="WORD",
        default="/quit",
        help="what a client's user types to leave",
    )
    group.addoption(
        "--chat-client-raw",
        action="store_true",
        help="the client knows nothing of the protocol, as nc and telnet",
    )
    group.addoption(
        "--chat-level",
        choices=("must", "should"),
        default="should",
        help="MUST alone, or SHOULD as well, which is reported and fails nothing",
    )
    group.addoption(
        "--chat-seed", metavar="N", type=_at_least(int, 0), default=0, help="repeat a run's choices"
    )
    group.addoption(
        "--chat-timeout-factor",
        metavar="X",
        type=_at_least(float, 0.1),
        default=1.0,
        help="multiply every deadline, for slow machines",
    )
    group.addoption(
        "--chat-examples",
        metavar="N",
        type=_at_least(int, 0),
        default=20,
        help="generate N programs of what clients do",
    )
    group.addoption(
        "--chat-programs",
        metavar="DIR",
        type=Path,
        default=Path("chatproto-programs"),
        help="save those there that break something",
    )
    group.addoption(
        "--chat-isolate",
        action="store_true",
        help="restart the server for each scenario",
    )
    group.addoption(
        "--chat-transcripts",
        metavar="DIR",
        type=Path,
        help="write each scenario's transcript there",
    )
    group.addoption(
        "--chat-known-failures",
        metavar="FILE",
        type=Path,
        help="failures that are known, as written by: chatproto-conformance run "
        "--write-known-failures FILE",
    )
    group.addoption(
        "--chat-accept-declared",
        action="store_true",
        help="do not fail where the server departs from the standard as the profile says",
    )
    group.addoption(
        "--chat-json",
        metavar="FILE",
        type=Path,
        help="write the report there, for chatproto-conformance report",
    )


def pytest_configure(config: pytest.Config) -> None:
    named = any(config.getoption(name) is not None for name in _NAMES_IT)
    asked = {one.partition("::")[0].partition(".")[0] for one in config.args}
    if named or (config.getoption("pyargs") and "conformance" in asked):
        # Nobody else's run imports the suite.
        from conformance.commands.pytest_host import begin

        begin(config, named=named)
