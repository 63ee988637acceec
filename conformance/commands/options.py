"""The options that several commands share: those that name a server, and those of the judgement."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import click

from conformance.report.known_failures import (
    KnownFailures,
    KnownFailuresError,
    load_known_failures,
)
from conformance.runner.selection import Ids
from conformance.target.address import Address, AddressError, SharedRoom, TcpAddress, parse_address
from conformance.target.bundled_profiles import find_profile
from conformance.target.profile import Cluster, Launch, Profile, ProfileError

_Command = TypeVar("_Command", bound=Callable[..., object])
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@dataclass(slots=True)
class Wanted:
    """What a user wants of a run's results: the values of the options of these names, but `page`,
    which is --html. A command receives it by `pass_wanted`."""

    json: Path | None = None
    junit: Path | None = None
    page: Path | None = None
    transcripts: Path | None = None
    known_failures: Path | None = None
    write_known_failures: Path | None = None
    durations: int | None = None
    quiet: bool = False
    verbose: bool = False


pass_wanted: Final = click.make_pass_decorator(Wanted, ensure=True)


def _keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Enter an option's value in the context's `Wanted`."""
    assert parameter.name is not None
    setattr(context.ensure_object(Wanted), parameter.name, value)


_wanted: Final = partial(click.option, callback=_keep, expose_value=False)


def report_options(command: _Command) -> _Command:
    """Add --json, --junit, --html and --transcripts, for `Wanted`."""
    for option in (
        _wanted(
            "--transcripts",
            type=click.Path(path_type=Path, file_okay=False),
            metavar="DIR",
            help="Write each scenario's transcript into DIR. With --html, also write a page for "
            "each failed scenario, linked from the report.",
        ),
        _wanted(
            "--html",
            "page",
            type=_FILE,
            metavar="FILE",
            help="Write the report as one HTML file.",
        ),
        _wanted("--junit", type=_FILE, metavar="FILE", help="Write the report as JUnit XML."),
        _wanted("--json", type=_FILE, metavar="FILE", help="Write the report as JSON."),
    ):
        command = option(command)
    return command


def judgement_options(command: _Command) -> _Command:
    """Add --only, --skip and --level, under these names, and --known-failures and
    --write-known-failures, for `Wanted`."""
    for option in (
        click.option(
            "--level",
            type=click.Choice(["must", "should"]),
            default="should",
            show_default=True,
            help="Judge MUSTs only, or SHOULDs as well.",
        ),
        _wanted(
            "--write-known-failures",
            type=_FILE,
            metavar="FILE",
            help="Add the failures of this run to the known ones in FILE, and keep its reasons.",
        ),
        _wanted(
            "--known-failures",
            type=_FILE,
            metavar="FILE",
            help="Expect these failures: each must still occur, with the pinned message.",
        ),
        click.option(
            "--skip",
            type=Ids(),
            multiple=True,
            metavar="ID…",
            help="Leave these requirements, scenarios or sections out.",
        ),
        click.option(
            "--only",
            type=Ids(),
            multiple=True,
            metavar="ID…",
            help="Play only these requirements, scenarios or sections; repeat the option, or "
            "separate ids by commas.",
        ),
    ):
        command = option(command)
    return command


def console_options(command: _Command) -> _Command:
    """Add --durations, --quiet and --verbose, for `Wanted`."""
    for option in (
        _wanted(
            "-v",
            "--verbose",
            is_flag=True,
            help="Print a line for every scenario, and every finding in full.",
        ),
        _wanted(
            "-q",
            "--quiet",
            is_flag=True,
            help="Print a line for each broken requirement, and the verdict; nothing if all is "
            "well.",
        ),
        _wanted(
            "--durations",
            type=click.IntRange(min=1),
            metavar="N",
            help="Print the times of all sections and of the N slowest scenarios.",
        ),
    ):
        command = option(command)
    return command


def known_failures_in(path: Path | None, *, new: bool = False) -> KnownFailures:
    """Read a file of known failures.

    Returns none if there is no path, or no such file and it may be `new`.
    """
    if path is None or (new and not path.exists()):
        return KnownFailures()
    try:
        return load_known_failures(path)
    except KnownFailuresError as error:
        raise click.UsageError(str(error)) from None


def target_options(command: _Command) -> _Command:
    """Add TARGET, --launch, --profile and --timeout-factor, as `target`, `launch`,
    `profile_name` and `timeout_factor`."""
    for option in (
        click.option(
            "--timeout-factor",
            type=click.FloatRange(min=0.1),
            default=1.0,
            metavar="X",
            help="Multiply every deadline, for a slow machine or a far server.",
        ),
        click.option(
            "--profile",
            "profile_name",
            metavar="PROFILE",
            help="Read the target and its dialect from a TOML file, or use a bundled dialect "
            "(`profiles` lists them). TARGET and --launch override it.",
        ),
        click.option(
            "--launch",
            metavar="COMMAND",
            help="The command that starts the server; the suite also stops and restarts it. "
            "{port}, {host}, {path} and {address} are filled in.",
        ),
        click.argument(
            "target", nargs=-1, callback=lambda _, __, targets: " ".join(targets) or None
        ),
    ):
        command = option(command)
    return command


def find_target(
    target: str | None,
    launch: str | None,
    profile_name: str | None,
    nodes: int | None = None,
) -> tuple[Profile, Address]:
    """Combine the options that name a server.

    Raises:
        click.UsageError: They name no server, or contradict each other.
    """
    try:
        profile = find_profile(profile_name) if profile_name is not None else Profile()
    except ProfileError as error:
        raise click.UsageError(str(error)) from None
    if launch is not None:
        known = profile.launch.model_dump(exclude={"command"}) if profile.launch else {}
        profile = profile.model_copy(update={"launch": Launch(command=launch, **known)})
    if nodes is not None:
        if profile.launch is None:
            raise click.UsageError("--nodes needs --launch: it is the number of nodes to launch")
        cluster = (profile.cluster or Cluster()).model_copy(update={"nodes": nodes})
        profile = profile.model_copy(update={"cluster": cluster})
    return profile, _address(target, profile)


def _address(target: str | None, profile: Profile) -> Address:
    text = target or profile.target.address
    if text is None and profile.launch is None:
        raise click.UsageError(
            "say what to judge: a TARGET such as tcp://127.0.0.1:9999, --launch COMMAND, or "
            "--profile FILE with either in it"
        )
    try:
        address = parse_address(text or "tcp://127.0.0.1:0")
    except AddressError as error:
        raise click.UsageError(str(error)) from None
    if profile.cluster is not None and profile.launch is None:
        raise click.UsageError("the profile has [cluster], and no [launch] that starts its nodes")
    if profile.cluster is not None:
        count = len(address.addresses) if isinstance(address, SharedRoom) else 1
        if count != profile.cluster.nodes and address.with_free_port() == address:
            raise click.UsageError(
                f"{profile.cluster.nodes} nodes need as many TARGETs, or none: each then gets a "
                "free port"
            )
    elif isinstance(address, SharedRoom) and profile.launch is not None:
        raise click.UsageError(
            "several TARGETs are servers that run already: leave --launch out, or give --nodes"
        )
    if isinstance(address, TcpAddress) and address.port == 0 and profile.launch is None:
        raise click.UsageError("port 0 means any free port, which only --launch can use")
    return address


def written_out(
    target: str | None,
    launch: str | None,
    profile_name: str | None,
    factor: float,
    nodes: int | None = None,
) -> str:
    """Return the command-line options that name this server, quoted for a shell."""
    parts = list(map(shlex.quote, target.split())) if target else []
    parts += ["--launch", _quoted(launch)] if launch else []
    parts += ["--nodes", str(nodes)] if nodes is not None else []
    parts += ["--profile", shlex.quote(profile_name)] if profile_name else []
    parts += ["--timeout-factor", f"{factor:g}"] if factor != 1 else []
    return " ".join(parts)


def _quoted(command: str) -> str:
    """Quote a command for a shell, in double quotes if they are enough."""
    return shlex.quote(command) if set(command) & set('"$`\\!') else f'"{command}"'
