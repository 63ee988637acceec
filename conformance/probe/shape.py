"""The shape of a broadcast: parsed around a known word of a known sender, and what several
broadcasts have in common."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import product
from typing import Final

from conformance.dialect.model import DIRECTIVES

_DATES: Final = (
    "%Y%m%d", "%Y/%m/%d", "%Y-%m-%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y",
    "%b %d %Y", "%d %b %Y",
)  # fmt: skip
_TIMES: Final = ("%H:%M:%S.%f", "%H:%M:%S", "%I:%M:%S %p", "%H:%M", "%I:%M %p", "%H%M%S")
_BETWEEN: Final = (" ", "-", "T", "_", ", ", " - ", "/")
_DAY: Final = 86_400.0
FORMATS: Final = (
    *(f"{date}{between}{clock}" for date, clock, between in product(_DATES, _TIMES, _BETWEEN)),
    *(f"{clock}{between}{date}" for date, clock, between in product(_DATES, _TIMES, (" ", "-"))),
    "%b %e %H:%M:%S %Y",
    "%b %e %H:%M:%S UTC %Y",
    "%b %e %H:%M:%S",
    *_TIMES,
    *_DATES,
)
"""Time formats that are looked for, the longer ones first."""
_WEEKDAYS: Final = ("%a ", "%a, ", "%A ", "%A, ")
"""What may come before a date."""
_DAY_NAME: Final = r"(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?"
_MONTH_NAME: Final = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b"
)
_NO_MORE: Final = r"(?!:\d\d(?!\d|\.\d+\.))"
"""No more of a clock follows, but perhaps an address."""
_MOMENT: Final = re.compile(
    r"(?:(?<![\w.:])|(?<=\dT))(?:"
    r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\b)?"
    r"|\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4}|\d{1,2}/\d{1,2}/\d\d"
    rf"|(?:{_DAY_NAME},? )?(?:{_MONTH_NAME}\.? +\d{{1,2}}|\d{{1,2}} {_MONTH_NAME})(?:,? \d{{4}})?"
    rf"|{_DAY_NAME}(?=,? (?:\d|\{{time\}}))"
    rf")(?!\d)(?!\.\d){_NO_MORE}"
)
"""What is shaped like a clock or a date, in whatever format: no constant, though a probe is over
before it changes."""
_COUNTER, _NUMBER, _VARIES, _OTHER = "\x01", "\x02", "\x03", "\x04"
"""Placeholders in a form. The first two are digits that differ between a member's messages, and
between members; the last two are such text."""
_PEERS: Final = re.compile(rf"\{{(?:host|port|name)\}}|[{_NUMBER}{_OTHER}]")
_FIELDS: Final = re.compile(rf"\{{(?:time|peer|any)\}}|[{_COUNTER}{_VARIES}]")
_DIGITS: Final = re.compile(rf"(\d+|\{{number\}}|[{_COUNTER}{_NUMBER}])")
_WIDEST: Final = 24
"""The most characters between two parts of a peer."""
_SHORTEST: Final = 3
"""The fewest literal characters of a form that has {any} in it."""


@dataclass(frozen=True, slots=True)
class Who:
    """The address and the name of a client, which texts may contain."""

    host: str
    port: int
    name: str


@dataclass(frozen=True, slots=True)
class Shape:
    """The parts of a broadcast before its text."""

    prefix: str
    header: str
    time: str | None
    peer: str | None
    infix: str


@dataclass(frozen=True, slots=True)
class Sample:
    """The octets that came before and after a word of a known client."""

    speaker: Who
    before: str
    after: str


def form_of(text: str, who: Who, format_: str | None = None) -> str:
    """Replace the address and name of a client in a text, and a time in this format, by fields.

    A time in another format becomes {any}.
    """
    parts = [text] if format_ is None else _pattern(format_).split(text)
    return _MOMENT.sub("{any}", "{time}".join(_named(part, who) for part in parts))


def _named(text: str, who: Who) -> str:
    text = text.replace("{", "{{").replace("}", "}}")
    if who.port:
        text = re.sub(rf"(?<!\w){who.port}(?!\w)", "{port}", text)
    text = re.sub(rf"(?<!\w){re.escape(who.name)}(?!\w)", "{name}", text)
    if who.host:
        text = re.sub(rf"(?<![\w.]){re.escape(who.host)}(?![\w.])", "{host}", text)
    return text


def common_form(forms: Sequence[str]) -> str | None:
    """Return the form that matches all of these; None if they have nothing in common.

    It has {number} for digits that differ, and {any} for other text within a line.
    """
    found = _common(forms, "{number}", "{any}")
    literal = "" if found is None else re.sub(r"\{\w+\}", "", found)
    return None if found is None or ("{any}" in found and len(literal) < _SHORTEST) else found


def common_shape(samples: Sequence[Sample]) -> Shape | None:
    """Return what these broadcasts have in common before their texts; None if that is nothing."""
    format_ = next(filter(None, (time_format(one.before) for one in samples)), None)
    by_speaker: dict[Who, list[str]] = {}
    for sample in samples:
        form = form_of(sample.before, sample.speaker, format_)
        by_speaker.setdefault(sample.speaker, []).append(form)
    own = [_common(forms, _COUNTER, _VARIES) for forms in by_speaker.values()]
    whole = [one for one in own if one is not None]
    common = _common(whole, _NUMBER, _OTHER) if len(whole) == len(own) else None
    return None if common is None else _shape(common, format_)


def widened_shape(shape: Shape, samples: Sequence[Sample], strange: Sequence[Sample]) -> Shape:
    """Return a shape that also fits what differs from it, if only the label does."""
    wide = common_shape([*samples, *strange]) if strange else None
    if wide is None or wide.peer is None:
        return shape
    same = (wide.time, wide.infix, wide.header) == (shape.time, shape.infix, shape.header)
    return wide if same and shape.prefix.startswith(wide.prefix) else shape


def common_end(samples: Sequence[Sample]) -> str | None:
    """Return what ends all of these broadcasts after their texts; None if they differ.

    What follows an LF, and has none of its own, may differ: it prompts whoever received them.
    """
    ends = {one.after for one in samples}
    if len(ends) > 1 and all("\n" in one and not one.endswith("\n") for one in ends):
        ends = {one[: one.rfind("\n") + 1] for one in ends}
    return ends.pop() if len(ends) == 1 else None


def _shape(form: str, format_: str | None) -> Shape:
    peer = None
    parts = list(_PEERS.finditer(form))
    if parts:
        start, end = parts[0].span()
        for part in parts[1:]:
            between = form[end : part.start()]
            if len(between) > _WIDEST or "\n" in between or _FIELDS.search(between):
                break
            end = part.end()
        start, end = _widened(form, start, end)
        peer = form[start:end].replace(_NUMBER, "{number}").replace(_OTHER, "{any}")
        rest = _PEERS.sub(_VARIES, form[end:])
        form = form[:start] + "{peer}" + rest
    places = list(_FIELDS.finditer(form))
    if not places:
        return Shape(_plain(form), "", format_, peer, "")
    start, end = places[0].start(), places[-1].end()
    header = form[start:end].replace(_COUNTER, "{number}").replace(_VARIES, "{any}")
    return Shape(_plain(form[:start]), header, format_, peer, _plain(form[end:]))


def _widened(form: str, start: int, end: int) -> tuple[int, int]:
    """Widen a peer by the brackets and quotes around its address."""
    for before, after in (("('", ")"), ("[::ffff:", ""), ("::ffff:", ""), ("[", "")):
        if not form[:start].endswith(before) or not form[end:].startswith(after):
            continue
        inside = form[start:end]
        if before == "('" and not inside.startswith("{host}', "):
            continue
        if before.startswith("[") and not inside.startswith("{host}]:"):
            continue
        return start - len(before), end + len(after)
    return start, end


def _plain(form: str) -> str:
    return form.replace("{{", "{").replace("}}", "}")


def _common(forms: Sequence[str], number: str, other: str) -> str | None:
    if not forms:
        return None
    found = forms[0]
    for form in forms[1:]:
        if form != found:
            both = _same_skeleton(found, form, number) or _same_ends(found, form, other)
            if both is None:
                return None
            found = both
    return found


def _same_skeleton(one: str, two: str, number: str) -> str | None:
    """Return the form of two texts that differ only in digits; None if they differ in more.

    Digits that count a member's messages count those of all members.
    """
    left, right = _DIGITS.split(one), _DIGITS.split(two)
    if len(left) != len(right) or left[::2] != right[::2]:
        return None
    return "".join(
        a if a == b else _COUNTER if _COUNTER in (a, b) else number
        for a, b in zip(left, right, strict=True)
    )


def _same_ends(one: str, two: str, other: str) -> str | None:
    """Return the form of two texts that differ in one place within a line; else None."""
    start = 0
    while start < min(len(one), len(two)) and one[start] == two[start]:
        start += 1
    end = 0
    while end < min(len(one), len(two)) - start and one[-1 - end] == two[-1 - end]:
        end += 1
    start = _whole_fields(one, start)
    inside = one[start : len(one) - end] + two[start : len(two) - end]
    cut = any(side.count("{") != side.count("}") for side in (inside, one[len(one) - end :]))
    if "\n" in inside or not end or cut:
        return None
    return one[:start] + other + one[len(one) - end :]


def _whole_fields(form: str, end: int) -> int:
    """Return the nearest index up to `end` that is not within a field."""
    opened = form.rfind("{", 0, end)
    return opened if opened >= 0 and "}" not in form[opened:end] else end


def time_format(text: str) -> str | None:
    """Return the format of a time in a text that is about now; None if there is none."""
    found = next((one for one in FORMATS if _is_told(text, one)), None)
    if found is None:
        return None
    dated = (weekday + found for weekday in _WEEKDAYS)
    return next((one for one in dated if _is_told(text, one)), found)


def line_time_format(text: str) -> str | None:
    """Return the same of a line, in which digits alone are no time."""
    found = time_format(text)
    return None if found == "%H%M%S" else found


def _is_told(text: str, format_: str) -> bool:
    """Whether a text has a time in this format, and about now if it has the year."""
    found = _pattern(format_).search(text)
    if found is None:
        return False
    try:
        told = datetime.strptime(found[0], format_.replace("%e", "%d"))
    except ValueError:
        return False
    return "%Y" not in format_ or abs(told.timestamp() - time.time()) < 2 * _DAY


@cache
def _pattern(format_: str) -> re.Pattern[str]:
    literal = re.escape(format_).replace(r"\%", "%")
    pattern = re.sub(r"%(\w)", lambda one: DIRECTIVES[one[1]], literal)
    # Two digits and a colon beside it are a part of the same clock.
    return re.compile(rf"(?<!\d)(?<!::)(?<!\b\d:)(?<!\b\d\d:){pattern}(?!\d){_NO_MORE}")
