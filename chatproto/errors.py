"""The faults of the caller. A peer's faults are events, never exceptions."""


class LocalProtocolError(Exception):
    """The program using chatproto asked for what the protocol does not allow.

    Raised for a step that a connection's state does not know, for text that would not survive
    the trip (CLI-2), and for a unit that could not be written. Nothing a peer sends raises it.
    """
