"""Profiles: how to reach a server, how to launch it, its dialect, and what is known of it. They are
read from TOML and validated.

An unknown key is refused with the nearest known one.
"""

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo

from conformance.dialect import PLAIN, Dialect
from conformance.dialect.model import Table
from conformance.target.address import AddressError, parse_address

Way = Literal["sigterm", "sigint", "console"]
"""A way to stop a server: a signal, or the line `quit` on its standard input (STOP-1)."""


class ProfileError(Exception):
    """A profile cannot be used; the message names the key and the remedy."""


class Target(Table):
    """Where the server listens.

    `address`: tcp://HOST:PORT, tcp://[::1]:PORT or unix:/PATH; with [launch], port 0 and no
    address at all mean any free port. `address_translation`: the server sees its clients under
    other addresses than their own, as behind a proxy or in a container.
    """

    address: str | None = None
    address_translation: bool = False

    @field_validator("address")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                parse_address(value)
            except AddressError as error:
                raise ValueError(str(error)) from None
        return value


class Launch(Table):
    """How the suite starts and stops the server itself.

    `command`: with {port}, {host}, {path} and {address} filled in. `stop`: the ways to stop it
    that it offers, each of which must do; unsaid, one way that does is looked for. `ready`:
    seconds until it listens. `directory` and `environment`: to run it in, and to add to.
    """

    command: str
    directory: Path | None = None
    environment: dict[str, str] = Field(default_factory=dict)
    stop: tuple[Way, ...] = ()
    ready: Annotated[float, Field(gt=0)] = 10.0


class Known(Table):
    """What is known of the server that cannot be seen from outside: its `capacity` in members."""

    capacity: Annotated[int, Field(ge=1)] | None = None


class Fault(Table):
    """A fault of what keeps the room's log, or of the network: commands that `inject` and `heal`
    it.

    `seconds`: how long it lasts.
    """

    name: str
    inject: str
    heal: str
    seconds: Annotated[float, Field(gt=0, le=30)] = 5.0


class Cluster(Table):
    """Several nodes of one room, each launched by [launch] with {node}, {room} and {log} filled in.

    `nodes`: how many. `before`: a command that runs as long as they do, such as what keeps the log.
    `log`: where that listens; nodes reach it by a way of the suite's own, which it can cut.
    """

    nodes: Annotated[int, Field(ge=2, le=9)] = 3
    before: str | None = None
    log: str | None = None
    faults: Annotated[tuple[Fault, ...], Field(alias="fault")] = ()


class Profile(Table):
    """Everything a run must know of a server. `summary` says in a line what it is like."""

    name: str | None = None
    summary: str = ""
    target: Target = Target()
    launch: Launch | None = None
    cluster: Cluster | None = None
    limits: Known = Known()
    dialect: Dialect = PLAIN


def load_profile(path: Path) -> Profile:
    """Read a profile from a file; `ProfileError` if it is not one."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ProfileError(f"{path}: not TOML: it is not UTF-8") from None
    return read_profile(text, str(path))


def read_profile(text: str, where: str) -> Profile:
    """Parse a profile; `ProfileError`, which names `where`, if it is not one."""
    try:
        return Profile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{where}: not TOML: {error}") from None
    except ValidationError as error:
        problems = (_problem(issue["type"], issue["loc"], issue["msg"]) for issue in error.errors())
        raise ProfileError(f"{where}: " + "; ".join(problems)) from None


def _problem(kind: str, location: tuple[int | str, ...], message: str) -> str:
    key = ".".join(map(str, location))
    if kind != "extra_forbidden":
        return f"{key}: {message.removeprefix('Value error, ')}"
    known = _keys(_table(location[:-1]))
    nearest = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.0)
    return f"unknown key {key}; the nearest known one is {nearest[0]}"


def _keys(table: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a table's fields by their keys in a profile."""
    return {field.alias or name: field for name, field in table.model_fields.items()}


def _table(location: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the table at a place in a profile."""
    table: type[BaseModel] = Profile
    for key in location:
        if isinstance(key, int):  # one of several: all have the same keys
            continue
        annotation = _keys(table)[key].annotation
        kinds = get_args(annotation) or (annotation,)
        table = next(one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel))
    return table
