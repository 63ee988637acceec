"""MSG: the header, the sender in it, and the same octets for all."""

import ipaddress
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatproto import (
    Broadcast,
    Code,
    LocalProtocolError,
    Notice,
    Unit,
    encode,
    ip_sender,
    unix_sender,
)
from chatproto.sender import is_sender
from chatproto.wire import TimeWriter
from tests.chatproto import models
from tests.chatproto.helpers import Table, read
from tests.chatproto.strategies import (
    TIME,
    good_streams,
    groups,
    in_pieces,
    ports,
    senders,
    texts,
    times,
    units,
)

EAST = timezone(timedelta(hours=5, minutes=30))


@given(times, senders, texts)
def test_msg_1_a_broadcast_is_a_header_and_a_text(time: datetime, sender: str, text: str) -> None:
    header, body, rest = encode(Broadcast(time, sender, text)).split(b"\n")
    date, clock, peer = header.decode().split(" ")
    assert (date, clock) == (
        f"{time.year:04d}{time.month:02d}{time.day:02d}",
        f"{time.hour:02d}:{time.minute:02d}:{time.second:02d}",
    )
    assert (peer, body.decode(), rest) == (sender, text, b"")


@given(units)
def test_msg_1_what_is_written_is_read_back(unit: Unit) -> None:
    assert read([encode(unit)]) == [unit]


def test_msg_1_the_exercise_s_example_is_written_as_it_always_was() -> None:
    assert (
        encode(Broadcast(datetime(2021, 7, 3, 17, 45, 39), "127.0.0.1:52012", "hello"))
        == b"20210703 17:45:39 127.0.0.1:52012\nhello\n"
    )


@given(times.filter(lambda time: time != TIME))
def test_msg_1_the_header_s_time_is_the_one_given_with_the_line(time: datetime) -> None:
    table = Table(1)
    (member,) = table.members
    table.feed(member, b"one\ntw")
    table.room.receive(member, b"o\nthree\n", time)
    assert table.take(member) == b"".join(
        models.broadcast(when, "unix:0", text)
        for when, text in ((TIME, "one"), (time, "two"), (time, "three"))
    )


@pytest.mark.parametrize(
    "time", [TIME.replace(tzinfo=UTC), TIME.replace(microsecond=1), TIME.astimezone()]
)
def test_msg_1_a_time_that_a_header_cannot_say_is_refused(time: datetime) -> None:
    with pytest.raises(LocalProtocolError, match="naive and in whole seconds"):
        Broadcast(time, "unix:0", "a")


@given(st.text().filter(lambda text: not models.is_text(text)))
def test_msg_1_what_is_no_text_is_refused(text: str) -> None:
    with pytest.raises(LocalProtocolError, match="not a broadcast's text"):
        Broadcast(TIME, "unix:0", text)
    with pytest.raises(LocalProtocolError, match="not an explanation"):
        Notice(Code.TOO_SLOW, text)


@given(st.ip_addresses(v=4), ports)
def test_msg_2_an_ipv4_peer_is_its_address_and_port(
    address: ipaddress.IPv4Address, port: int
) -> None:
    octets = ".".join(str(octet) for octet in address.packed)
    assert ip_sender(str(address), port) == f"{octets}:{port}"
    assert ip_sender(f"::ffff:{address}", port) == f"{octets}:{port}"
    assert ip_sender(f"::FFFF:{address.packed.hex(':', 2)}", port) == f"{octets}:{port}"


@given(groups, ports, st.sampled_from(["", "%eth0", "%1"]))
def test_msg_2_an_ipv6_peer_is_in_rfc_5952_form(numbers: list[int], port: int, zone: str) -> None:
    host = ":".join(f"{number:04X}" for number in numbers) + zone
    if numbers[:6] != [0, 0, 0, 0, 0, 0xFFFF]:
        assert ip_sender(host, port) == f"[{models.ipv6(numbers)}]:{port}"


@given(st.integers(0))
def test_msg_2_a_peer_on_a_unix_socket_is_its_number(number: int) -> None:
    assert unix_sender(number) == f"unix:{number}"


@given(senders)
def test_msg_2_every_sender_is_one(sender: str) -> None:
    assert is_sender(sender)
    assert Broadcast(TIME, sender, "a").sender == sender


def naive_is_sender(sender: str) -> bool:
    """Read a sender part by part."""
    host, _, port = sender.rpartition(":")
    if not re.fullmatch("[0-9]+", port) or (port[0] == "0" and port != "0"):
        return False
    if host == "unix":
        return True
    if int(port) > 65_535:
        return False
    if host.startswith("[") and host.endswith("]"):
        return 2 <= len(host[1:-1]) <= 39 and set(host[1:-1]) <= set("0123456789abcdef:")
    parts = host.split(".")
    return len(parts) == 4 and all(part in map(str, range(256)) for part in parts)


@given(
    st.one_of(
        st.text(st.sampled_from("0126:.[]f")),
        st.tuples(senders, st.integers(0), st.sampled_from([*"0169afg:.[] \n\u0661", ""])).map(
            lambda drawn: (
                drawn[0][: drawn[1] % len(drawn[0])]
                + drawn[2]
                + drawn[0][drawn[1] % len(drawn[0]) + 1 :]
            )
        ),
        st.tuples(senders, st.integers(0, 70_000)).map(
            lambda drawn: f"{drawn[0].rpartition(':')[0]}:{drawn[1]}"
        ),
    )
)
def test_msg_2_what_is_nearly_a_sender_is_judged_as_part_by_part(sender: str) -> None:
    assert is_sender(sender) == naive_is_sender(sender)


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        ("localhost", 1, "not an IP address"),
        ("", 1, "not an IP address"),
        ("1.2.3", 1, "not an IP address"),
        ("1.2.3.4", -1, "not a port number"),
        ("1.2.3.4", 65_536, "not a port number"),
    ],
)
def test_msg_2_what_is_no_peer_has_no_sender(host: str, port: int, reason: str) -> None:
    with pytest.raises(LocalProtocolError, match=reason):
        ip_sender(host, port)


def test_msg_2_no_member_has_a_negative_number() -> None:
    with pytest.raises(LocalProtocolError, match="not negative: -1"):
        unix_sender(-1)


@pytest.mark.parametrize("sender", ["", "me", "127.0.0.1", "unix:01", "[::1]", "1.2.3.4:5\n"])
def test_msg_2_nobody_speaks_under_what_is_no_sender(sender: str) -> None:
    with pytest.raises(LocalProtocolError, match="not a sender"):
        Broadcast(TIME, sender, "a")
    with pytest.raises(LocalProtocolError, match="not a sender"):
        Table(0).room.join(sender)


@given(in_pieces(good_streams))
def test_msg_3_every_recipient_receives_the_same_octets(pieces: list[bytes]) -> None:
    table = Table(3)
    table.feed(table.members[0], *pieces)
    taken = {
        table.take(member, size)
        for member, size in zip(table.members, (None, None, None), strict=True)
    }
    assert taken == {
        b"".join(
            models.broadcast(TIME, "unix:0", text)
            for text in models.messages(b"".join(pieces), 1_024)
        )
    }


def test_msg_4_the_header_shows_the_clock_in_its_zone_to_the_second() -> None:
    table = Table(1)
    (member,) = table.members
    table.room.receive(member, b"hello\n", TIME.replace(microsecond=999_999, tzinfo=UTC))
    assert table.take(member) == models.broadcast(TIME, "unix:0", "hello")


@given(st.lists(st.datetimes(timezones=st.sampled_from([None, UTC, EAST])), max_size=6))
def test_msg_1_a_header_s_time_is_its_own_whatever_was_written_before(
    times: list[datetime],
) -> None:
    writer = TimeWriter()
    for time in times:
        for later in (time, time.replace(microsecond=999_999), time.replace(microsecond=0)):
            assert writer.write(later) == models.format_time(later)
