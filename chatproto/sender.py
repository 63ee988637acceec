"""SENDER: a peer's address, as a broadcast's header shows it (MSG-2)."""

import ipaddress
import re
from typing import Final

from chatproto.errors import LocalProtocolError

_NUMBER = r"(?:0|[1-9][0-9]*)"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PORT = (
    r"(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}|0)"
)
_SENDER: Final = re.compile(
    rf"(?:{_OCTET}(?:\.{_OCTET}){{3}}:{_PORT}|\[[0-9a-f:]{{2,39}}\]:{_PORT}|unix:{_NUMBER})"
)


def ip_sender(host: str, port: int) -> str:
    """Write an IP peer: `127.0.0.1:52012`, or `[2001:db8::1]:52012` in RFC 5952 form (MSG-2).

    An IPv4-mapped IPv6 address is written as IPv4, and a zone (`%eth0`) is left out. Raises
    `LocalProtocolError` where host is no IP address or port no port number.
    """
    if not 0 <= port <= 65535:
        raise LocalProtocolError(f"not a port number: {port}")
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        raise LocalProtocolError(f"not an IP address: {host!r}") from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return f"[{address.compressed}]:{port}"
        address = address.ipv4_mapped
    return f"{address}:{port}"


def unix_sender(number: int) -> str:
    """Write a peer on a Unix-domain socket, numbered by the server among its members (MSG-2)."""
    if number < 0:
        raise LocalProtocolError(f"a member's number is not negative: {number}")
    return f"unix:{number}"


def is_sender(sender: str) -> bool:
    """Tell whether this has the form of a SENDER."""
    return _SENDER.fullmatch(sender) is not None
