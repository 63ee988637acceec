"""The pytest plugin: the options, and nothing else until one of them names a server or a client, or
the scenarios are named.

    pytest --pyargs conformance --chat-launch "python server.py {port}"

pytest loads it wherever the suite is installed. It is not part of `conformance`, so that a project
with its own package of that name can run its tests.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import pytest

_NAMES_IT: Final = ("chat_target", "chat_launch", "chat_profile", "chat_client")
"""The options that name a server or a client."""
_Number = TypeVar("_Number", int, float)


def _at_least(kind: type[_Number], least: _Number) -> Callable[[str], _Number]:
    """Return the type of an option that takes a number of at least `least`."""

    def read(text: str) -> _Number:
        if (number := kind(text)) < least:
            raise ValueError
        return number

    read.__name__ = f"number of at least {least}"
    return read


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup(
        "chatproto", "judge a chatproto/1 server or client (with: --pyargs conformance)"
    )
    group.addoption("--chat-target", metavar="ADDRESS", help="the address of a running server")
    group.addoption(
        "--chat-launch",
        metavar="COMMAND",
        help="the command that starts the server; {port}, {host}, {path} and {address} are filled "
        "in",
    )
    group.addoption(
        "--chat-profile",
        metavar="PROFILE",
        help="a TOML file with the target and its dialect, or the name of a bundled dialect",
    )
    group.addoption(
        "--chat-client",
        metavar="COMMAND",
        help="the command that starts a client to judge instead of a server; {host}, {port} and "
        "{address} are filled in",
    )
    group.addoption(
        "--chat-client-use",
        choices=("terminal", "pipe", "jsonl"),
        default="terminal",
        help="run the client at a terminal, on pipes, or as an adapter that speaks JSON lines",
    )
    group.addoption(
        "--chat-client-leave",
        metavar="WORD",
        default="/quit",
        help="the line that a client's user types to leave",
    )
    group.addoption(
        "--chat-client-raw",
        action="store_true",
        help="the client does not know the protocol, like nc or telnet",
    )
    group.addoption(
        "--chat-level",
        choices=("must", "should"),
        default="should",
        help="judge MUSTs only, or SHOULDs as well, which are reported and fail no test",
    )
    group.addoption(
        "--chat-seed", metavar="N", type=_at_least(int, 0), default=0, help="seed of every choice"
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
        help="play N generated programs",
    )
    group.addoption(
        "--chat-programs",
        metavar="DIR",
        type=Path,
        default=Path("chatproto-programs"),
        help="save generated programs that fail in DIR",
    )
    group.addoption(
        "--chat-isolate",
        action="store_true",
        help="launch a new server for each scenario",
    )
    group.addoption(
        "--chat-transcripts",
        metavar="DIR",
        type=Path,
        help="write each scenario's transcript into DIR",
    )
    group.addoption(
        "--chat-known-failures",
        metavar="FILE",
        type=Path,
        help="expect the known failures that chatproto-conformance run --write-known-failures FILE "
        "wrote",
    )
    group.addoption(
        "--chat-accept-declared",
        action="store_true",
        help="do not fail if only what the profile declares is broken",
    )
    group.addoption(
        "--chat-json",
        metavar="FILE",
        type=Path,
        help="write the report to FILE, for chatproto-conformance report",
    )


def pytest_configure(config: pytest.Config) -> None:
    named = any(config.getoption(name) is not None for name in _NAMES_IT)
    asked = {one.partition("::")[0].partition(".")[0] for one in config.args}
    if named or (config.getoption("pyargs") and "conformance" in asked):
        # Imported only here: other projects' test runs must not import the suite.
        from conformance.commands.pytest_host import begin

        begin(config, named=named)
