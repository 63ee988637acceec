"""What is found of a client, of transcripts written here: a fault, and what looks like one."""

from typing import Final

from conformance.oracle.clients import judge_client
from conformance.transcript import events as tr

ALICE: Final = "198.51.100.101:50001"
BOB: Final = "198.51.100.102:50002"


def unit(text: str, sender: str = ALICE) -> bytes:
    return f"20260703 12:00:00 {sender}\n{text}\n".encode()


class Scene:
    """One client, connected; each event a tenth of a second after the one before."""

    def __init__(self, *requirements: str, way: tr.Way = "terminal") -> None:
        self.events: list[tr.Event] = [
            tr.Start(
                t=0.0, scenario="cli/here", requirements=requirements, protocol="chatproto/1",
                suite="0", seed=0, target="client", wall=0.0, same_clock=True, exclusive=True,
                addresses="translated", capacity=None, stops=(), factor=1.0, earlier=(),
            ),
            tr.Launched(0.0, "c1", "client", way, 80, 24, "/quit", False),
            tr.Connected(0.0, "c1", "203.0.113.100:30000"),
        ]  # fmt: skip

    @property
    def now(self) -> float:
        return len(self.events) / 10

    def receives(self, *octets: bytes) -> "Scene":
        self.events += [tr.Received(self.now, "c1", one) for one in octets]
        return self

    def shows(self, text: str) -> "Scene":
        self.events.append(tr.Shown(self.now, "c1", text.encode(), "output"))
        return self

    def says(self, text: str) -> "Scene":
        self.events.append(tr.Typed(self.now, "c1", text, "pasted" if "\n" in text else "line"))
        return self

    def sends(self, line: str) -> "Scene":
        self.events.append(tr.Sent(self.now, "c1", line.encode() + b"\n"))
        return self

    def is_waited_for(self, what: str) -> "Scene":
        self.events.append(tr.Waited(self.now, "c1", what, 5.0))
        return self

    def exits(self, status: int) -> "Scene":
        self.events.append(tr.Exited(self.now, status, "c1"))
        return self

    def ends(self) -> "Scene":
        self.events.append(tr.Ended(self.now, "c1"))
        return self

    def found(self) -> list[str]:
        """Return what is found once nothing more is awaited."""
        last = tr.Waited(self.now, "c1", "something else", 5.0)
        whole = [*self.events, last, tr.Finish(self.now, None)]
        return [f"{one.requirement} {one.kind}" for one in judge_client(whole).findings]


def test_what_is_shown_as_it_came_is_right() -> None:
    scene = Scene("CLI-9").receives(unit("zqbcdf22")).shows(f"{ALICE}  zqbcdf22\r\n")
    assert scene.found() == []


def test_a_text_may_go_on_behind_the_same_mark() -> None:
    text = 'zqbcdf22 it is "so": 100% zqbcdf33'
    scene = Scene("CLI-9", way="pipe").receives(unit(text))
    assert (
        scene.shows(f'{ALICE}\n  : zqbcdf22 it is\n  :  "so": 100%\n  :  zqbcdf33\n').found() == []
    )
    other = Scene("CLI-9", way="pipe").receives(unit(text))
    other.shows(f"{ALICE}\n  : zqbcdf22 it is\n  :  so: 100%\n  :  zqbcdf33\n")
    assert other.found() == ["CLI-9 text-altered"]


def test_a_client_that_draws_its_screen_must_show_short_texts_as_they_came() -> None:
    text = "zqbcdf22 it's zqbcdf33"
    scene = Scene("CLI-9").receives(unit(text)).shows("\x1b[2J\x1b[H")
    assert scene.shows(f"{ALICE}\r\n  zqbcdf22 it\\'s zqbcdf33\r\n").found() == [
        "CLI-9 text-altered"
    ]


def test_a_client_that_draws_its_screen_has_no_room_for_a_long_text() -> None:
    text = f"zqbcdf22 {'x' * 900} zqbcdf33"
    scene = Scene("CLI-12").receives(unit(text)).shows("\x1b[2J\x1b[H")
    assert scene.shows(f"{ALICE}\r\n  zqbcdf22 xxxxxx\r\n").found() == []


def test_a_sender_that_is_never_shown_is_no_matter_of_segments() -> None:
    scene = Scene("CLI-1").receives(unit("zqbcdf22")).shows("zqbcdf22\r\n")
    scene.receives(unit("zqbcdf33", BOB)[:20], unit("zqbcdf33", BOB)[20:]).shows("zqbcdf33\r\n")
    assert scene.found() == ["CLI-9 sender-not-shown", "CLI-9 sender-not-shown"]


def test_a_sender_that_is_lost_between_segments_is() -> None:
    scene = Scene("CLI-1").receives(unit("zqbcdf22")).shows(f"{ALICE} zqbcdf22\r\n")
    scene.receives(unit("zqbcdf33", BOB)[:20], unit("zqbcdf33", BOB)[20:]).shows("zqbcdf33\r\n")
    assert scene.found() == ["CLI-1 sender-not-shown"]


def test_the_second_of_two_pasted_lines_is_not_sent_before_something_else_is_typed() -> None:
    scene = Scene("CLI-2").says("zqbcdf22\nzqbcdf33").sends("zqbcdf22")
    scene.is_waited_for("zqbcdf33 to be sent, or its user to be told")
    scene.says("zqbcdf44").sends("zqbcdf33").sends("zqbcdf44")
    assert scene.found() == ["CLI-5 sent-late"]


def test_a_client_that_goes_at_a_notice_cannot_show_the_end_after_it() -> None:
    scene = Scene("CLI-3").receives(b"!moved zqbcdf22\n").shows("stopped: what is this?\r\n")
    scene.exits(2).ends()
    assert scene.found() == ["CLI-3 notice-not-shown"]


def test_a_client_that_stays_must_show_the_end() -> None:
    scene = (
        Scene("CLI-3").receives(b"!moved zqbcdf22\n").shows("moved zqbcdf22\r\n").ends().exits(1)
    )
    assert scene.found() == ["CLI-7 end-not-shown"]


def test_what_is_said_after_the_end_may_be_sent_or_not() -> None:
    scene = Scene("CLI-2").says("quit").sends("quit").ends().says("zqbcdf22")
    assert scene.found() == ["CLI-2 quit-sent"]
    assert scene.sends("zqbcdf22").found() == ["CLI-2 quit-sent"]
