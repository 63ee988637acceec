"""Each attack alone: the room chats on, nothing is left of it, and it cannot hold up a stop."""

import resource

from tests.attack.conftest import LaySiege
from tests.attack.siege import Size


def test_connections_that_send_an_octet_a_second(lay_siege: LaySiege, size: Size) -> None:
    lay_siege().withstands("dribble", size.of(1000, 100))


def test_lines_without_end(lay_siege: LaySiege, size: Size) -> None:
    lay_siege().withstands("endless", size.of(20, 3))


def test_joins_and_leaves_at_full_speed(lay_siege: LaySiege, size: Size) -> None:
    lay_siege().withstands("churn", 5000, seconds=size.of(30, 1))


def test_readers_that_stall(lay_siege: LaySiege, size: Size) -> None:
    lay_siege("--backlog", "1MiB").withstands("stall", size.of(300, 30))


def test_a_flood_by_one_who_reads(lay_siege: LaySiege) -> None:
    lay_siege().withstands("flood", 1)


def test_a_flood_by_one_who_does_not_read(lay_siege: LaySiege) -> None:
    lay_siege().withstands("flood", 0)


def test_descriptors_that_run_out(lay_siege: LaySiege, size: Size) -> None:
    siege = lay_siege()
    allowed = siege.process.num_fds() + 50
    siege.process.rlimit(resource.RLIMIT_NOFILE, (allowed, allowed))
    for _ in range(2):
        with siege.under("hold", size.of(500, 100)):
            siege.eventually(lambda: "cannot accept" in siege.server.log[-1])
            told, used = len(siege.server.log), siege.spent()
            seconds = siege.size.seconds * 2
            siege.chats(seconds)
            spent = (siege.spent() - used) / seconds
            siege.tell(f"{spent:.3f} of a core's time while no descriptor is free")
            assert spent < 0.2
            assert len(siege.server.log) - told <= seconds + 2
        siege.recovers()
    with siege.under("hold", size.of(500, 100)):
        siege.stops()
