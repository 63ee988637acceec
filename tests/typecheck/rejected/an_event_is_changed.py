"""What happened stays as it happened."""

from chatproto import Broadcast, Limits, MessageReceived


def edit(event: MessageReceived, unit: Broadcast, limits: Limits) -> None:
    event.text = "better"  # error: misc
    unit.sender = "unix:0"  # error: misc
    limits.members = 3  # error: misc
