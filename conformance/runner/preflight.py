"""The check, before the first scenario, that there is a server at all."""

from collections.abc import Callable
from typing import Final

from conformance.dialect import PLAIN
from conformance.probe.glance import glance
from conformance.runner.session import Settings
from conformance.target.address import parse_address
from conformance.target.process import LaunchError
from conformance.target.server import LaunchedServer
from conformance.target.system import descriptor_limit
from conformance.timing.policy import PATIENCE

_LEAST_DESCRIPTORS: Final = 64


class Unreachable(Exception):
    """The target could not be reached or launched; the message says why."""


def check_descriptors() -> None:
    """Raise `Unreachable` if this process may open too few files to judge anything: a server that
    it launches has the same limit."""
    limit = descriptor_limit()
    if limit < _LEAST_DESCRIPTORS:
        raise Unreachable(
            f"only {limit:g} files may be open here, too few for a server and its clients: allow "
            f"{_LEAST_DESCRIPTORS}, or better 1024 (ulimit -n)"
        )


def reach(settings: Settings, tell: Callable[[str], None] | None = None) -> None:
    """Make sure that there is a server, or raise `Unreachable`.

    If a launched server visibly speaks something other than chatproto/1, and the profile does not
    declare it, `tell` is called with a description. A server that runs already is not looked at: a
    client that leaves may break it.
    """
    address = parse_address(settings.address)
    launch = settings.profile.launch
    if settings.profile.cluster is not None:
        return  # several processes are launched once, and that tells
    if launch is not None:
        server = LaunchedServer(launch, address)
        try:
            server.start()
            if tell is not None and settings.profile.dialect == PLAIN:
                strange = glance(server.address, settings.factor)
                if strange is not None:
                    tell(strange)
        except LaunchError as error:
            raise Unreachable(str(error)) from None
        finally:
            server.close()
        return
    try:
        address.connect(PATIENCE * settings.factor).close()
    except OSError as error:
        raise Unreachable(
            f"nothing answers on {address} ({error.strerror or error}); is the server running "
            "there? --launch COMMAND lets the suite start it"
        ) from None
