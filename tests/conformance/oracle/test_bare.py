"""Servers whose broadcasts have no header: only the text says which line it was made from."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from conformance.dialect import Dialect
from conformance.dialect.model import Quit
from conformance.transcript.events import Exited, Received, Settled
from tests.conformance.scene import START, Scene, blamed

BARE = Dialect(header="", infix="")


def room(*names: str, dialect: Dialect = BARE) -> Scene:
    scene = Scene(replace(START, dialect=dialect))
    come(scene, *names)
    return scene


def come(scene: Scene, *names: str) -> None:
    for name in names:
        scene.connect(name)
    for name in names:
        relay(scene, name, scene.nonce().encode(), hearers=names)


def relay(
    scene: Scene,
    sender: str,
    said: bytes,
    came: bytes | None = None,
    *,
    hearers: Sequence[str] = ("ann", "bob"),
    exercises: Sequence[str] = (),
) -> None:
    """Let a member say a line, and the hearers receive it, or what came in its place."""
    scene.send(sender, said + b"\n", exercises=exercises)
    for name in hearers:
        octets = said + b"\n" if came is None else came
        if octets:
            scene.events.append(Received(scene.tick(), name, octets))


def test_a_text_that_is_said_again_is_that_of_who_is_there() -> None:
    scene = room("ann", "bob")
    for text in (b"QUIT", scene.nonce().encode(), b"Quit", scene.nonce().encode()):
        relay(scene, "ann", text)
    scene.events.append(Settled(scene.tick(), ("ann", "bob")))
    for name in ("ann", "bob"):
        scene.abort(name)
    come(scene, "eve", "dan")
    for text in (b"QUIT", scene.nonce().encode()):
        relay(scene, "eve", text, hearers=("eve", "dan"))
    assert blamed(scene) == []


def test_what_a_buffer_still_holds_of_an_earlier_text_is_made_up() -> None:
    """It follows a shorter text of the same member, and comes to all."""
    scene = room("ann", "bob")
    first, last = scene.nonce().encode(), scene.nonce().encode()
    relay(scene, "ann", first + b" ~ " + last)
    for _ in range(2):
        word = scene.nonce().encode()
        relay(scene, "ann", word, word + b"\n~ " + last + b"\n")
    assert blamed(scene) == ["ROOM-2"]


def test_where_all_comes_twice_nobody_knows_which_of_the_same_texts_came() -> None:
    scene = room("ann", "bob")
    word = scene.nonce().encode()
    relay(scene, "ann", b"the same", b"the same\n" * 2, hearers=["ann"])
    relay(scene, "bob", word, (word + b"\n") * 2, hearers=["ann"])
    relay(scene, "ann", b"the same", b"the same\n" * 2, hearers=["ann"])
    came = [b"the same", b"the same", word, word, b"the same", b"the same"]
    scene.events.append(Received(scene.tick(), "bob", b"".join(one + b"\n" for one in came)))
    assert blamed(scene) == ["ROOM-2"]


def test_what_follows_an_incomplete_line_in_the_same_text_is_not_lost() -> None:
    scene = room("ann", "bob", "eve")
    part, word = scene.nonce().encode(), scene.nonce().encode()
    scene.send("eve", part)
    scene.abort("eve")
    for name in ("ann", "bob"):
        scene.events.append(Received(scene.tick(), name, part))
    for said in (word, scene.nonce().encode()):
        relay(scene, "ann", said)
    assert blamed(scene) == ["FRM-4"]


def test_what_follows_a_line_that_a_reset_cut_is_not_joined_by_framing() -> None:
    scene = room("ann", "bob", "eve")
    lines = [scene.nonce().encode() + b" " + b"x" * 80 for _ in range(3)]
    scene.send("eve", b"".join(line + b"\n" for line in lines))
    scene.abort("eve")
    for name in ("ann", "bob"):
        scene.events.append(Received(scene.tick(), name, lines[0] + b"\n" + lines[1][:40]))
    for _ in range(2):
        relay(scene, "ann", scene.nonce().encode())
    assert blamed(scene) == ["FRM-4"]


def test_the_rest_of_a_text_that_another_interrupts_is_no_line_of_its_own() -> None:
    dialect = Dialect(prefix="[", header="{peer}", infix="]> ")
    scene = room(dialect=dialect)
    heads = {"ann": b"[127.0.0.1:50000]> ", "bob": b"[127.0.0.1:50001]> "}
    for name in heads:
        scene.connect(name)
    for name in (*heads, *heads):
        word = scene.nonce().encode()
        relay(scene, name, word, heads[name] + word + b"\n")
    long, short = scene.nonce().encode() + b" " + b"x" * 300, scene.nonce().encode()
    scene.send("ann", long + b"\n")
    whole, other = heads["ann"] + long + b"\n", heads["bob"] + short + b"\n"
    relay(scene, "bob", short, whole + other, hearers=["ann"])
    scene.events.append(Received(scene.tick(), "bob", whole[:99] + other + whole[99:]))
    for name in heads:
        word = scene.nonce().encode()
        relay(scene, name, word, heads[name] + word + b"\n")
    assert blamed(scene) == ["ROOM-6"]


@pytest.mark.parametrize(("longest", "found"), [(2_000, []), (8_000, ["ROOM-1"])])
def test_a_server_that_dies_of_a_line_longer_than_it_must_accept(
    longest: int, found: list[str]
) -> None:
    """That is LIM-2, from which a dialect without a limit departs anyway."""
    scene = room(
        "ann", "bob", dialect=Dialect(header="", infix="", absent=frozenset({"line-limit"}))
    )
    relay(scene, "ann", scene.nonce().encode() + b"x" * longest)
    scene.send("ann", scene.nonce().encode() + b"x" * 8_000 + b"\n")
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == found


def test_a_quit_that_is_relayed_without_an_lf_stands_before_the_next_broadcast() -> None:
    dialect = Dialect(
        framing="read", prefix="[", header="{peer}", infix="]> ", quit=Quit(match="bare")
    )
    scene = room(dialect=dialect)
    heads = {"ann": b"[127.0.0.1:50000]> ", "bob": b"[127.0.0.1:50001]> "}
    for name in (*heads, "eve"):
        scene.connect(name)
    for name in heads:
        word = scene.nonce().encode()
        relay(scene, name, word, heads[name] + word + b"\n")
    scene.send("eve", b"quit")
    for name in heads:
        scene.events.append(Received(scene.tick(), name, b"[127.0.0.1:50002]> quit"))
    for name in heads:
        word = scene.nonce().encode()
        relay(scene, name, word, heads[name] + word + b"\n")
    assert [one.requirement for one in scene.findings()] == ["QUIT-1"] * 2


def test_a_text_that_is_announced_as_a_name_is_a_message_lost() -> None:
    """Two threads ask at one connection, and each takes the first line that it gets for a name."""
    join = "{name} has joined\n"
    dialect = Dialect(prompt="Your name: ", header="{peer}", peer="{name}", infix=": ", join=join)
    scene = Scene(replace(START, dialect=dialect))
    for name in ("ann", "bob"):
        scene.connect(name)
        scene.events.append(Received(scene.tick(), name, b"Your name: "))
        scene.send(name, f"{name}\n".encode())
    for turn in range(3):
        word = scene.nonce()
        scene.send("ann", f"{word}\n".encode())
        for name in ("ann", "bob"):
            came = f"Your name: {word} has joined\n" if turn == 0 else f"ann: {word}\n"
            scene.events.append(Received(scene.tick(), name, came.encode()))
    found = blamed(scene)
    assert "ROOM-2" in found
    assert "TXT-5" not in found
