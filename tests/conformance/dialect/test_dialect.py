"""Dialects: what can be said of them in a profile, and what they depart from."""

import pytest

from conformance.dialect import PLAIN, Dialect, Quit, departures, wholly_departed
from conformance.dialect.forms import forms
from conformance.target.bundled_profiles import find_profile, shipped_names, shipped_profile
from conformance.target.profile import ProfileError, read_profile


def broken(dialect: Dialect) -> set[str]:
    return {one.requirement for one in departures(dialect)}


def test_the_wire_format_departs_from_nothing() -> None:
    assert departures(PLAIN) == ()


def test_another_charset_of_what_comes_in_is_no_departure() -> None:
    assert departures(Dialect(charset="gbk")) == ()


@pytest.mark.parametrize(
    ("dialect", "ids"),
    [
        (Dialect(framing="read"), "FRM-1 FRM-2 FRM-4 LIM-2"),
        (Dialect(framing="read", read_size=1024), "FRM-1 FRM-2 FRM-4 LIM-1 LIM-2"),
        (Dialect(header="", infix="", tail="\n"), "MSG-1 MSG-2 MSG-4 MSG-5"),
        (Dialect(time="%Y/%m/%d %H:%M:%S"), "MSG-1"),
        (Dialect(time="%H:%M"), "MSG-1 MSG-4 MSG-5"),
        (Dialect(peer="{host} {port}"), "MSG-2"),
        (Dialect(tail="\n\n"), ""),
        (Dialect(tail="\n "), "TRN-2"),
        (Dialect(tail=""), "MSG-1"),
        (Dialect(text="verbatim"), "FRM-3 TXT-3"),
        (Dialect(text="repr"), "FRM-3 TXT-3 TXT-4 TXT-5"),
        (Dialect(text="repr-stripped"), "TXT-3 TXT-4 TXT-5"),
        (Dialect(text="chomped"), "TXT-3"),
        (Dialect(text="right-stripped"), "TXT-3"),
        (Dialect(text="left-stripped"), "FRM-3 TXT-3"),
        (Dialect(peer="::ffff:{host}:{port}"), "MSG-2"),
        (Dialect(header="{number}: {time} {peer}"), "MSG-1"),
        (Dialect(first_line="name"), "ROOM-1"),
        (Dialect(lines=("> ",)), "TRN-2"),
        (Dialect(undecodable="drops"), "TXT-2"),
        (Dialect(quit=Quit(match="exact")), "QUIT-1"),
        (Dialect(quit=Quit(match="contains")), "QUIT-2"),
        (Dialect(controls="relayed"), "TXT-4"),
        (Dialect(sends="gbk"), "TXT-1 TXT-5"),
        (Dialect(undecodable="relays"), "TXT-2"),
        (Dialect(undecodable="passes"), "TXT-1 TXT-2"),
        (
            Dialect(undecodable="kills", absent=frozenset(["line-limit"])),
            "TXT-2 LIM-2 ERR-1 ERR-2 ERR-3",
        ),
        (Dialect(echo=False), "ROOM-2"),
        (Dialect(blank="closes"), "HB-1"),
        (Dialect(greeting="hello\n"), "TRN-2"),
        (Dialect(prompt="name? ", peer="{name}"), "TRN-2 ROOM-1 MSG-2"),
        (Dialect(absent=frozenset(["notices", "stop"])), "ERR-3 LIM-5 STOP-1"),
        (Dialect(quit=Quit(words=())), "QUIT-1 QUIT-3 QUIT-4"),
        (Dialect(quit=Quit(words=("/quit",))), "QUIT-1 QUIT-2"),
        (Dialect(quit=Quit(match="any-case")), "QUIT-2"),
        (Dialect(framing="read", quit=Quit(match="bare")), "FRM-1 FRM-2 FRM-4 LIM-2 QUIT-1"),
        (Dialect(quit=Quit(answer="close")), "TRN-2"),
        (Dialect(quit=Quit(closes=False)), "QUIT-3"),
    ],
)
def test_what_departs_from_what(dialect: Dialect, ids: str) -> None:
    assert broken(dialect) == set(ids.split())


def test_a_departure_names_the_settings_as_the_profile_has_them() -> None:
    [one] = departures(Dialect(time="%d", infix=" "))[:1]
    assert one.settings == ('infix = " "', 'time = "%d"')


def test_of_what_is_departed_from_in_part_the_rest_is_asked_for() -> None:
    assert wholly_departed(Dialect(echo=False, framing="read")) == {"FRM-1", "FRM-4", "LIM-2"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[dialect]\nheadr = 'x'", "unknown key dialect.headr; the nearest known one is header"),
        (
            "[dialect.quit]\nword = ['x']",
            "unknown key dialect.quit.word; the nearest known one is words",
        ),
        ("[dialect]\nframing = 'packet'", "dialect.framing: Input should be 'line' or 'read'"),
        ("[dialect]\ncharset = 'utf-16'", "utf-16 is not a superset of ASCII"),
        ("[dialect]\ncharset = 'klingon'", "Python knows no charset 'klingon'"),
        (
            "[dialect]\nheader = '{time} {pear}'",
            "header: unknown field {pear}; known are: time peer number any",
        ),
        ("[dialect]\nheader = '{time'", "write a literal brace twice"),
        ("[dialect]\nheader = '{}'", "braces must hold just a field name"),
        ("[dialect]\ntime = '%Q'", "%Q is not supported"),
        ("[dialect]\npeer = '{name}'", '{name} needs first_line = "name"'),
        ("[dialect]\nlines = ['{pear}']", "lines: unknown field {pear}"),
        ("[dialect]\nheader = ''\ninfix = ''\ntail = ''", "messages cannot be told apart"),
        ("[dialect.quit]\nmatch = 'bare'", 'quit.match = "bare" is for framing = "read"'),
    ],
)
def test_what_is_wrong_with_a_profile(text: str, said: str) -> None:
    with pytest.raises(ProfileError) as error:
        read_profile(text, "p.toml")
    assert said in str(error.value)


def test_at_least_twelve_profiles_come_with_the_suite() -> None:
    assert len(shipped_names()) >= 12
    for name in shipped_names():
        profile = shipped_profile(name)
        assert profile.name == name
        assert profile.summary
        assert departures(profile.dialect)


def test_a_profile_is_found_by_its_name_or_the_nearest_is_said() -> None:
    assert find_profile("ack").name == "ack"
    with pytest.raises(ProfileError, match="the nearest is ack"):
        find_profile("akc")
    with pytest.raises(ProfileError, match="No such file"):
        find_profile("akc.toml")


def test_a_label_of_any_form_ends_where_its_infix_first_comes() -> None:
    """A text may have it, too."""
    opening = forms(Dialect(header="{peer}", peer="{any}", infix=": ")).opening
    assert opening is not None
    found = opening.match(b"ann: to bob: hello\n")
    assert found is not None
    assert found["peer"] == b"ann"
