"""Addresses as text: `tcp://127.0.0.1:9999`, `tcp://[::1]:9999` and `unix:/path`.

Nothing is looked up or opened here. Servers, clients and the suite all take addresses of this form.
"""

import re
from dataclasses import dataclass
from typing import Final

_TCP: Final = re.compile(
    r"tcp://(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<host>[^:/\[\]]+)):(?P<port>[0-9]{1,5})/?"
)


@dataclass(frozen=True, slots=True)
class Tcp:
    """A host, by name or number, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Unix:
    """The path of a Unix-domain socket."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


def parse(address: str) -> Tcp | Unix:
    """Read an address. Raises `ValueError`, whose message says what one looks like."""
    if address.startswith("unix:") and len(address) > len("unix:"):
        return Unix(address.removeprefix("unix:"))
    match = _TCP.fullmatch(address)
    if match is None or int(match["port"]) > 65535:
        raise ValueError(
            f"not an address: {address!r}; write tcp://127.0.0.1:9999, tcp://[::1]:9999 or "
            "unix:/path"
        )
    return Tcp(match["ipv6"] or match["host"], int(match["port"]))
