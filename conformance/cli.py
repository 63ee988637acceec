"""chatproto-conformance: judge any server of chatproto/1 over a socket."""

import difflib
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from chatproto import __version__
from conformance.address import Address, AddressError, TcpAddress, parse_address
from conformance.comparison import compare
from conformance.console import ConsoleReporter, print_requirement, print_scenarios
from conformance.html import render_page
from conformance.oracle import judge as judge_transcript
from conformance.profile import Launch, Profile, ProfileError, load_profile
from conformance.report import Verdict, judged
from conformance.report_command import report as report_command
from conformance.run import Unreachable, run_suite
from conformance.scenario import Scenario, scenarios
from conformance.session import Settings
from conformance.standard import Kind, Level, requirements
from conformance.transcript import Finish, Start, TranscriptError, read

_STATUS = {Verdict.CONFORMANT: 0, Verdict.NON_CONFORMANT: 1, Verdict.INCOMPLETE: 4}
_UNREACHABLE = 3

_EPILOG = """\b
Exit status:
  0  conformant
  1  non-conformant
  2  wrong usage, or nothing selected
  3  the target could not be reached or launched
  4  incomplete: no MUST failed, but not every MUST could be told
"""


class _Ids(click.ParamType[tuple[str, ...]]):
    """Ids of requirements (QUIT-3) or scenarios (quit/quit-leaves), with commas between them."""

    name = "ID"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,  # noqa: ARG002  # click's signature
        ctx: click.Context | None,  # noqa: ARG002  # click's signature
    ) -> tuple[str, ...]:
        known = [*requirements(), *(one.id for one in scenarios())]
        ids = tuple(part.strip() for part in value.split(",") if part.strip())
        for id_ in ids:
            if id_ not in known:
                nearest = difflib.get_close_matches(id_, known, n=1, cutoff=0.0)[0]
                self.fail(f"no requirement or scenario {id_!r}; the nearest is {nearest}")
        return ids


@click.group(epilog=_EPILOG)
@click.version_option(__version__, package_name="chatproto")
def main() -> None:
    """Judge any chat server that claims chatproto/1, over a socket.

    \b
    chatproto-conformance run tcp://127.0.0.1:9999
    chatproto-conformance run --launch "python server.py {port}"
    chatproto-conformance explain QUIT-3
    """
    # Ended by either signal, a run reports what it has, and leaves no server behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@main.command(epilog=_EPILOG)
@click.argument("target", required=False)
@click.option(
    "--launch",
    metavar="COMMAND",
    help="Start, stop and restart the server with this; "
    "{port}, {host}, {path} and {address} are filled in.",
)
@click.option(
    "--profile",
    "profile_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="All of it from a TOML file.",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the report as JSON.",
)
@click.option(
    "--junit",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the report as JUnit XML.",
)
@click.option(
    "--html",
    "html_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the report as one HTML file.",
)
@click.option(
    "--transcripts",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write each scenario's transcript there.",
)
@click.option(
    "--only",
    type=_Ids(),
    multiple=True,
    metavar="ID…",
    help="Only these requirements or scenarios; repeat it, or put commas between.",
)
@click.option(
    "--skip", type=_Ids(), multiple=True, metavar="ID…", help="Not these requirements or scenarios."
)
@click.option(
    "--level",
    type=click.Choice(["must", "should"]),
    default="should",
    show_default=True,
    help="MUST alone, or SHOULD as well.",
)
@click.option(
    "--timeout-factor",
    type=click.FloatRange(min=0.1),
    default=1.0,
    metavar="X",
    help="Multiply every deadline, for slow machines and far servers.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Repeat a run's choices.")
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Play scenarios in N processes, each with a server of its own if launched.",
)
def run(
    target: str | None,
    launch: str | None,
    profile_path: Path | None,
    json_path: Path | None,
    junit: Path | None,
    html_path: Path | None,
    transcripts: Path | None,
    only: Sequence[tuple[str, ...]],
    skip: Sequence[tuple[str, ...]],
    level: str,
    timeout_factor: float,
    seed: int,
    jobs: int,
) -> None:
    """Judge a server: TARGET is tcp://HOST:PORT, tcp://[::1]:PORT or unix:/PATH.

    With --launch the suite starts the server itself, on TARGET or on a free port, and checks
    stopping and starting as well.
    """  # fmt: skip
    profile = _profile(profile_path, launch)
    address = _address(target, profile)
    chosen, counting, selected = _select(only, skip, level)
    for path in (json_path, junit, html_path):
        if path is not None and not path.parent.is_dir():
            raise click.UsageError(f"{path}: there is no directory {path.parent}")
    if transcripts is not None:
        transcripts.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        profile=profile,
        address=str(address),
        seed=seed,
        factor=timeout_factor,
        requirements=counting,
        selected=selected,
        scenarios=frozenset(one.id for one in chosen),
        transcripts=transcripts.absolute() if transcripts else None,
        command=_again(target, launch, profile_path, timeout_factor, seed),
    )
    console = Console(highlight=False, soft_wrap=True)
    reporter = ConsoleReporter(console, settings, len(chosen))
    try:
        report = run_suite(settings, reporter, jobs, junit)
    except Unreachable as error:
        click.echo(f"chatproto-conformance: {error}", err=True)
        sys.exit(_UNREACHABLE)
    if json_path is not None:
        json_path.write_text(report.model_dump_json(indent=2, by_alias=True) + "\n")
    if html_path is not None:
        html_path.write_text(render_page(compare([report])), encoding="utf-8")
    reporter.on_report(report)
    sys.exit(_STATUS[report.verdict])


def _profile(path: Path | None, launch: str | None) -> Profile:
    try:
        profile = load_profile(path) if path is not None else Profile()
    except ProfileError as error:
        raise click.UsageError(str(error)) from None
    if launch is None:
        return profile
    known = profile.launch.model_dump(exclude={"command"}) if profile.launch is not None else {}
    return profile.model_copy(update={"launch": Launch(command=launch, **known)})


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
    if isinstance(address, TcpAddress) and address.port == 0 and profile.launch is None:
        raise click.UsageError("port 0 means any free port, which only --launch can use")
    return address


def _select(
    only: Sequence[tuple[str, ...]], skip: Sequence[tuple[str, ...]], level: str
) -> tuple[list[Scenario], frozenset[str], frozenset[str]]:
    """The scenarios to play, the requirements whose findings count, and those the verdict is
    about; an error where nothing is left to play."""
    asked = frozenset(id_ for ids in only for id_ in ids)
    refused = frozenset(id_ for ids in skip for id_ in ids)
    counting = frozenset(
        one.id
        for one in requirements().values()
        if one.kind is not Kind.CLIENT
        and (level == "should" or one.level is Level.MUST)
        and one.id not in refused
    )
    chosen = [
        one
        for one in scenarios()
        if one.id not in refused
        and counting.intersection(one.requirements)
        and (not asked or one.id in asked or asked.intersection(one.requirements))
    ]
    if not chosen:
        raise click.UsageError("nothing is selected: --only, --skip and --level leave no scenario")
    if not asked:
        return chosen, counting, counting
    meant = {id_ for one in chosen if one.id in asked for id_ in one.requirements}
    return chosen, counting, counting & (asked | meant)


def _again(
    target: str | None, launch: str | None, profile: Path | None, factor: float, seed: int
) -> str:
    """The command of this run, without what it selects."""
    parts = ["chatproto-conformance", "run"]
    parts += [target] if target else []
    parts += ["--launch", _quoted(launch)] if launch else []
    parts += ["--profile", shlex.quote(str(profile))] if profile else []
    parts += ["--timeout-factor", f"{factor:g}"] if factor != 1 else []
    parts += ["--seed", str(seed)] if seed else []
    return " ".join(parts)


def _quoted(command: str) -> str:
    """A command in quotes for a shell: double ones, as it was typed, where they do."""
    return shlex.quote(command) if set(command) & set('"$`\\!') else f'"{command}"'


@main.command("list")
def list_() -> None:
    """List the scenarios, with the requirements each is there for."""
    print_scenarios(Console(highlight=False, soft_wrap=True))


@main.command()
@click.argument("id_", metavar="ID")
def explain(id_: str) -> None:
    """Explain a requirement: its text, its reason, its scenarios, and what breaks it."""
    known = requirements()
    if id_.upper() not in known:
        nearest = difflib.get_close_matches(id_.upper(), known, n=1, cutoff=0.0)[0]
        raise click.UsageError(f"no requirement {id_!r}; the nearest is {nearest}")
    print_requirement(Console(highlight=False), known[id_.upper()])


@main.command(epilog=_EPILOG)
@click.argument("transcript", type=click.Path(path_type=Path))
def judge(transcript: Path) -> None:
    """Judge a transcript again, as written by run --transcripts."""
    try:
        events = read(transcript)
    except TranscriptError as error:
        raise click.UsageError(str(error)) from None
    start, finish = events[0], events[-1]
    assert isinstance(start, Start)
    scenario = Scenario(start.scenario, start.requirements, frozenset(), "")
    stuck = finish.interrupted if isinstance(finish, Finish) else "the transcript has no finish"
    result = judged(scenario, judge_transcript(events), stuck, events)
    reporter = ConsoleReporter(Console(highlight=False, soft_wrap=True), None, 1)
    reporter.on_result(result)
    reporter.print_findings([result])
    musts = [
        finding
        for finding in result.findings
        if finding.outcome == "fail" and requirements()[finding.requirement].level is Level.MUST
    ]
    sys.exit(1 if musts else 4 if result.status == "unknown" else 0)


@main.command()
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option(
    "--whole",
    is_flag=True,
    help="Let broken ones meet all scenarios, not only those meant for them.",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write who was caught by what as JSON.",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    metavar="N",
    help="Judge N specimens at once.",
)
def specimens(names: tuple[str, ...], whole: bool, json_path: Path | None, jobs: int) -> None:
    """Judge the suite itself: every broken server must be caught, every legal one let pass.

    Exit status 0 when that is so, 1 when not.
    """
    # Importing the specimens is not for every command's start.
    from conformance.matrix import judge_specimens

    console = Console(highlight=False, soft_wrap=True)
    try:
        good = judge_specimens(names, console, json_path, jobs, whole=whole)
    except KeyError as error:
        raise click.UsageError(str(error.args[0])) from None
    sys.exit(0 if good else 1)


main.add_command(report_command)
