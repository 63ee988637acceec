"""A room's two clocks: the wall's for headers, a monotonic one for deadlines."""

import time
from datetime import datetime

from chatproto import Member, Room


def feed(room: Room, member: Member) -> None:
    room.receive(member, b"hello\n", time.monotonic())  # error: arg-type
    room.expire(datetime.now())  # error: arg-type
