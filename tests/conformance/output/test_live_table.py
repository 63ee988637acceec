"""The run on a terminal: a table that stays whole, whatever the terminal, and however it ends."""

import re

import pytest

from conformance.scenarios.registry import of_one_server
from tests.conformance.command import REFERENCE, run, specimen
from tests.conformance.terminal import Terminal, terminal

BROKEN = ("run", "--launch", specimen("one-read-one-message"), "--only", "FRM-1", "--examples", "0")
SECTIONS = list(dict.fromkeys(one.section for one in of_one_server()))
LAST = len(SECTIONS) + 1
"""The line of the total: after a title and a line for each section."""
BRIEF = ("run", "--launch", REFERENCE, "--only", "sanity/first,hb/a-silent-member-stays")


def goes_on(shown: Terminal) -> bool:
    """Whether the table of a run is there in which some scenarios have ended and some have not. Any
    such moment will do: on a busy machine a certain one need not be seen."""
    text = "\n".join(shown.lines())
    return re.search(r"^now +\w+/", text, re.M) is not None and " left" in text


def said(shown: Terminal) -> str:
    return "\n".join(shown.everything())


def unwrapped(text: str) -> str:
    """Return what is shown, without blanks: how lines are wrapped depends on the path of this
    clone."""
    return "".join(text.split())


@pytest.mark.heavy
@pytest.mark.long
def test_it_shows_what_goes_on_and_stays_as_a_summary() -> None:
    with terminal("run", "--launch", REFERENCE, "--time-limit", "300") as shown:
        assert shown.wait(lambda: goes_on(shown)), said(shown)
        screen = shown.lines()
        assert not shown.shows_cursor()
        assert [line.split()[0] for line in screen[1:LAST]] == SECTIONS
        assert any("›" in line for line in screen[1:LAST])
        of = len(of_one_server())
        assert re.search(
            rf"total +0:\d\d +\d+/{of} +\d+ pass( +\d+ skip)? +about \d:\d\d left", screen[LAST]
        )
        shown.wait()
        assert shown.process.returncode == 0
        assert shown.shows_cursor()
        lines = shown.everything()
    assert [line.split()[0] for line in lines[1:LAST]] == SECTIONS
    total = len(of_one_server())
    assert re.fullmatch(rf"  total +0:\d\d +{total}/{total}  \d\d pass( +\d+ skip)?", lines[LAST])
    assert not any(line.startswith("now") for line in lines)
    assert "conformant(chatproto/1" in unwrapped("".join(lines))


def test_it_shows_what_failed_and_then_why() -> None:
    with terminal(*BROKEN, "-j", "2") as shown:
        assert shown.wait(lambda: any(line.startswith("failed   FRM-1") for line in shown.lines()))
        shown.wait()
        assert shown.process.returncode == 1
        text = said(shown)
    assert "hb" not in text
    assert text.index("total") < text.index("FRM-1") < text.index("next:")
    assert "failed " not in text


@pytest.mark.parametrize(("width", "height"), [(30, 24), (80, 10), (20, 4), (120, 50)])
def test_it_fits_any_terminal(width: int, height: int) -> None:
    with terminal(*BRIEF, width=width, height=height) as shown:
        assert shown.wait(lambda: any("total" in line for line in shown.lines()))
        assert shown.wait(lambda: any("now " in line for line in shown.lines())), said(shown)
        # What scrolled off could not be painted over.
        assert not shown.screen.history.top
        assert sum("total" in line for line in shown.lines()) == 1
        shown.wait()
        assert shown.process.returncode == 0
        text = said(shown)
    assert text.count("total") == 1
    # The octets that erase a frame come together with the next frame, as synchronised output.
    frames = re.findall(rb"\x1b\[\?2026h(.*?)\x1b\[\?2026l", shown.octets, re.DOTALL)
    assert len(frames) > 5
    assert shown.octets.count(b"\x1b[2K") == sum(frame.count(b"\x1b[2K") for frame in frames)
    for frame in frames:
        assert b"\x1b[2K" not in frame or b"total" in frame


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_control_c_leaves_the_terminal_whole(jobs: str) -> None:
    with terminal("run", "--launch", REFERENCE, "-j", jobs) as shown:
        assert shown.wait(lambda: goes_on(shown)), said(shown)
        shown.interrupt()
        shown.wait()
        assert shown.process.returncode == 4
        assert shown.shows_cursor()
        text = said(shown)
    assert "incomplete,interrupted" in unwrapped(text)
    assert "Traceback" not in text
    assert text.count("total") == 1


def test_what_cannot_be_launched_leaves_the_terminal_whole() -> None:
    with terminal("run", "--launch", "sh -c 'sleep 0.5; false'") as shown:
        shown.wait()
        assert shown.process.returncode == 3
        assert shown.shows_cursor()
        assert "before it listened" in said(shown)


def test_a_verbose_run_tells_of_each_scenario_above_its_table() -> None:
    with terminal(*BRIEF, "--verbose", width=250) as shown:
        shown.wait()
        text = said(shown)
    assert re.search(r"pass    hb/a-silent-member-stays  \S.*HB-\d×\d+.*  \d\.\d\d s", text)
    assert text.index("hb/a-silent") < text.index("total")


def test_a_quiet_run_shows_no_table() -> None:
    with terminal(*BRIEF, "--quiet") as shown:
        shown.wait()
        assert shown.process.returncode == 0
        assert shown.octets == b""


def test_nothing_a_server_says_drives_the_terminal() -> None:
    """A text with a control in it, which a broken server relays, and its report quotes."""
    with terminal("run", "--launch", specimen("relays-controls"), "--only", "TXT-4") as shown:
        shown.wait()
        assert shown.process.returncode == 1
        assert "TXT-4" in said(shown)
    allowed = rb"\x1b\[(\?25[lh]|\?2026[lh]|[0-9;]*m|[0-9]*[AK])|[\r\n]"
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", re.sub(allowed, b"", shown.octets))


@pytest.mark.parametrize("name", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_colours_that_are_forced_make_no_terminal(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")
    done = run(*BRIEF)
    assert "\x1b[?25l" not in done.stdout
    assert "conformant as far as asked" in done.stdout
