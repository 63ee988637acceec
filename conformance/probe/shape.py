"""What a broadcast consists of: its octets taken apart around a word whose sender is known."""

import re
import time
from dataclasses import dataclass
from datetime import datetime
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
    "%a %b %d %H:%M:%S %Y",
    *_TIMES,
    *_DATES,
)
"""Forms of a time that are looked for, the fuller ones first."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The parts of a broadcast before its text."""

    prefix: str
    header: str
    time: str | None
    peer: str | None
    infix: str


def take_apart(before: str, host: str, port: int, name: str) -> Shape:
    """Take apart what came before a text; who sent it is known."""
    form, time_format = _with_time(before)
    form = re.sub(rf"(?<!\w){port}(?!\w)", "{port}", form) if port else form
    form = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "{name}", form)
    if host:
        form = re.sub(rf"(?<![\w.]){re.escape(host)}(?![\w.])", "{host}", form)
    form = form.replace("('{host}', {port})", "<{host}', {port}>")
    peers = list(re.finditer(r"<?\{host\}.{0,4}\{port\}>?|\{host\}|\{name\}|\{port\}", form))
    peer = None
    if peers:
        found = peers[0]
        peer = found[0].replace("<", "('").replace(">", ")")
        form = form[: found.start()] + "{peer}" + form[found.end() :]
    places = [(one.start(), one.end()) for one in re.finditer(r"\{time\}|\{peer\}", form)]
    if not places:
        return Shape(form, "", time_format, peer, "")
    start, end = places[0][0], places[-1][1]
    return Shape(form[:start], form[start:end], time_format, peer, form[end:])


def _with_time(text: str) -> tuple[str, str | None]:
    """The text with {time} in the place of one that is about now, and its format."""
    text = text.replace("{", "{{").replace("}", "}}")
    now = time.time()
    for format_ in FORMATS:
        pattern = re.sub(
            r"%(\w)", lambda one: DIRECTIVES[one[1]], re.escape(format_).replace(r"\%", "%")
        )
        found = re.search(rf"(?<!\d){pattern}(?!\d)", text)
        if found is None:
            continue
        try:
            told = datetime.strptime(found[0], format_)
        except ValueError:
            continue
        if "%Y" in format_ and abs(told.timestamp() - now) > 2 * _DAY:
            continue
        return text[: found.start()] + "{time}" + text[found.end() :], format_
    return text, None
