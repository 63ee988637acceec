"""The probe's conclusions: settings with their evidence, other broken requirements, open questions,
and the profile written from them."""

import json
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from conformance.dialect import PLAIN, Dialect, Quit

_QUIT: Final = "quit."
_WIDEST: Final = 110
"""The most characters of a comment."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A setting and its evidence (`why`): what was sent, and what came.

    If a requirement is broken that no profile can declare, the key is its id, and there is no
    value.
    """

    key: str
    value: object
    why: str

    @property
    def is_fault(self) -> bool:
        """Whether it is a broken requirement, not a setting."""
        return self.key[:1].isupper()


@dataclass(slots=True)
class Learnt:
    """All conclusions, in the order in which they were drawn.

    `untold` are the open questions. `restarts` counts how often the server had to be launched
    again.
    """

    conclusions: dict[str, Conclusion] = field(default_factory=dict)
    untold: list[str] = field(default_factory=list)
    restarts: int = 0

    def get(self, key: str, default: object = None) -> object:
        found = self.conclusions.get(key)
        return default if found is None else found.value

    @property
    def faults(self) -> list[Conclusion]:
        """The broken requirements that no profile can declare."""
        return [one for one in self.conclusions.values() if one.is_fault]

    @property
    def departing(self) -> list[Conclusion]:
        """The settings that differ from chatproto/1."""
        return [
            one
            for one in self.conclusions.values()
            if not one.is_fault and one.value != _as_written(_default(one.key))
        ]

    @property
    def plain(self) -> list[str]:
        """The settings that were found to be those of chatproto/1."""
        departing = {one.key for one in [*self.departing, *self.faults]}
        return [key for key in self.conclusions if key not in departing]

    @property
    def dialect(self) -> Dialect:
        """The dialect, as far as it is known; plain chatproto/1 if the settings contradict each
        other."""
        settings = {one.key: one.value for one in self.departing}
        plain = {key: value for key, value in settings.items() if "." not in key}
        quit_ = {k.removeprefix(_QUIT): v for k, v in settings.items() if k.startswith(_QUIT)}
        try:
            return Dialect.model_validate({**plain, "quit": Quit.model_validate(quit_)})
        except ValidationError as error:
            problem = error.errors()[0]["msg"].removeprefix("Value error, ")
            untold = f"the settings contradict each other: {problem}"
            if untold not in self.untold:
                self.untold.append(untold)
            return PLAIN

    def profile(self, target: str | None, launch: str | None) -> str:
        """Write the profile, with a comment for each setting."""
        lines = ["# Found by chatproto-conformance probe: each setting, with its evidence."]
        lines += [_comment(f"Breaks {one.key}: {one.why}") for one in self.faults]
        lines += [_comment(f"Unknown: {one}") for one in self.untold]
        if self.plain:
            lines += [f"# As in chatproto/1: {', '.join(self.plain)}"]
        if target is not None:
            lines += ["", "[target]", f"address = {_written(target)}"]
        if launch is not None:
            lines += ["", "[launch]", f"command = {_written(launch)}"]
        for title, in_quit in (("dialect", False), ("dialect.quit", True)):
            chosen = [one for one in self.departing if one.key.startswith(_QUIT) is in_quit]
            if chosen:
                lines += ["", f"[{title}]"]
            for one in chosen:
                lines.append(_comment(one.why))
                lines.append(f"{one.key.removeprefix(_QUIT)} = {_written(one.value)}")
        return "\n".join(lines) + "\n"


def shown(octets: bytes, most: int = 60) -> str:
    """Write octets for evidence, cut to `most` octets."""
    more = f" … ({len(octets)} octets)" if len(octets) > most else ""
    return repr(octets[:most])[1:] + more


def _default(key: str) -> object:
    table = PLAIN.quit if key.startswith(_QUIT) else PLAIN
    return getattr(table, key.removeprefix(_QUIT))


def _as_written(value: object) -> object:
    """Return the value of a setting in the form of a conclusion, with lists for tuples and sets."""
    return (
        sorted(value)
        if isinstance(value, frozenset)
        else (list(value) if isinstance(value, tuple) else value)
    )


def _comment(text: str) -> str:
    text = " ".join(text.split())
    return f"# {text if len(text) <= _WIDEST else text[: _WIDEST - 1] + '…'}"


def _written(value: object) -> str:
    """Write a value as TOML. JSON strings, numbers and lists are valid TOML, except for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
