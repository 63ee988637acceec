"""Whether there is a server at all, asked before the first scenario needs one."""

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
    """Raise `Unreachable` where this process may open so few files that nothing can be judged: a
    server that it launches may open no more."""
    limit = descriptor_limit()
    if limit < _LEAST_DESCRIPTORS:
        raise Unreachable(
            f"only {limit:g} files may be open here, too few for a server and its clients: allow "
            f"{_LEAST_DESCRIPTORS}, or better 1024 (ulimit -n)"
        )


def reach(settings: Settings, tell: Callable[[str], None] | None = None) -> None:
    """Make sure that there is a server before the first scenario needs one, or raise `Unreachable`.

    `tell` is called with what a launched server visibly sends otherwise than chatproto/1, unless
    the profile declares it. A server that runs already is not looked at: a client that leaves may
    break it.
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
