"""Whether there is a server at all, asked before the first scenario needs one."""

from conformance.runner.session import Settings
from conformance.target.address import parse_address
from conformance.target.process import LaunchedServer, LaunchError
from conformance.timing.policy import PATIENCE


class Unreachable(Exception):
    """The target could not be reached or launched; the message says why."""


def reach(settings: Settings) -> None:
    """Make sure there is a server before the first scenario needs one; else `Unreachable`."""
    address = parse_address(settings.address)
    launch = settings.profile.launch
    if launch is not None:
        server = LaunchedServer(launch, address)
        try:
            server.start()
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
