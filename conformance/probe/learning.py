"""What was learnt of a dialect: each setting with the octets that led to it, and what could not
be told; and the profile that says it all."""

import json
from dataclasses import dataclass, field

from pydantic import ValidationError

from conformance.dialect import PLAIN, Dialect, Quit

_QUIT = "quit."


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A setting, and why: what was sent, and what came of it."""

    key: str
    value: object
    why: str


@dataclass(slots=True)
class Learnt:
    """All that was learnt, in the order it was. `restarts` counts how often the server was
    launched anew for it."""

    conclusions: dict[str, Conclusion] = field(default_factory=dict)
    untold: list[str] = field(default_factory=list)
    restarts: int = 0

    def conclude(self, key: str, value: object, why: str) -> None:
        self.conclusions[key] = Conclusion(key, value, why)

    def lacks(self, capability: str, why: str) -> None:
        """Note that the server lacks something."""
        before = self.conclusions.get("absent")
        values = (
            [*before.value, capability]
            if before and isinstance(before.value, list)
            else [capability]
        )
        self.conclude("absent", values, f"{before.why}; {why}" if before else why)

    def get(self, key: str, default: object = None) -> object:
        found = self.conclusions.get(key)
        return default if found is None else found.value

    @property
    def dialect(self) -> Dialect:
        """The dialect, as far as it is known."""
        plain = {one.key: one.value for one in self.conclusions.values() if "." not in one.key}
        quit_ = {
            one.key.removeprefix(_QUIT): one.value
            for one in self.conclusions.values()
            if one.key.startswith(_QUIT)
        }
        try:
            return Dialect.model_validate({**plain, "quit": Quit.model_validate(quit_)})
        except ValidationError as error:
            problem = error.errors()[0]["msg"].removeprefix("Value error, ")
            self.untold.append(f"all of it together: {problem}")
            return PLAIN

    def profile(self, target: str | None, launch: str | None) -> str:
        """The profile, with a comment for each setting."""
        lines = ["# Found by chatproto-conformance probe: each setting, and what led to it."]
        lines += [f"# Could not be told: {_one_line(one)}" for one in self.untold]
        if target is not None:
            lines += ["", "[target]", f"address = {_written(target)}"]
        if launch is not None:
            lines += ["", "[launch]", f"command = {_written(launch)}"]
        for title, in_quit in (("dialect", False), ("dialect.quit", True)):
            chosen = [
                one for one in self.conclusions.values() if one.key.startswith(_QUIT) is in_quit
            ]
            if chosen:
                lines += ["", f"[{title}]"]
            for one in chosen:
                lines.append(f"# {_one_line(one.why)}")
                lines.append(f"{one.key.removeprefix(_QUIT)} = {_written(one.value)}")
        return "\n".join(lines) + "\n"


def shown(octets: bytes, most: int = 120) -> str:
    """Octets as evidence shows them."""
    more = f" … ({len(octets)} octets)" if len(octets) > most else ""
    return repr(octets[:most])[1:] + more


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _written(value: object) -> str:
    """A value as TOML writes it: JSON's strings, numbers and lists are TOML's."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
