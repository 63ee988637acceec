"""Selects the lines of a server's output that explain a failure: an error, or the last lines.

Most runtimes (Rust, the JVM, Go, Node) print the cause first and then the backtrace; Python prints
the backtrace first. The line with the cause is kept, and the place in the program nearest to it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from conformance.oracle import Finding
from conformance.oracle.facts import Kind
from conformance.report.octets import escape
from conformance.transcript import events as tr

DIED: Final = Kind.DIED.name.lower()
"""The kind of a finding that the server's process has ended."""
MOST: Final = 6
"""Lines that are kept."""
_WIDTH: Final = 200
_BACKTRACE: Final = 30
_OCTETS: Final = 80
_STEPS: Final = 3
_PYTHON: Final = re.compile(r"\s*(?:\S+ )*Traceback \(most recent call last\):")
_NO_ERROR: Final = re.compile(r"SystemExit(?:: 0)?$|(?:asyncio\.exceptions\.)?CancelledError$|…$")
"""What asyncio reports of the tasks of a program that ends as it means to; or the end of a
backtrace is cut off."""
_INTRODUCTION: Final = re.compile(
    r"\s*$|Exception in callback |handle: |Task exception was never|future: |During handling of "
)
_FRAME: Final = re.compile(r'\s+File "')
_HEAD: Final = re.compile(
    r"""
    thread\ .*\ panicked\ at\                                       # Rust
    | Exception\ in\ thread\                                        # the JVM
    | (?:panic|fatal\ error):\                                      # Go
    | Unhandled\ exception                                          # .NET
    | Uncaught\                                                     # Deno, PHP
    | (?:[\w.]*\.)?\w*(?:Error|Exception)(?:\ \[\w+\])?(?::\ |$)    # Node, the JVM
    | terminate\ called\ after                                      # C++
    | .*:\d+:in\ .*\(\w+(?:Error|Exception)\)                       # Ruby
    | \*\*\ \(\w+                                                   # Elixir
    | .*(?:Segmentation\ fault|Sanitizer:|stack\ smashing|Assertion\ .*\ failed)
    """,
    re.VERBOSE,
)
_MAIN: Final = re.compile(r"""(?:Exception in )?thread ["']main["'] """)
_PLACE: Final = re.compile(r"\s+(?:at\ |from\ |/\S+:\d+)")
_LIBRARY: Final = re.compile(
    r"/lib/python|site-packages|<frozen |/rustc/|node:|\bat (?:java|jdk|System)\.|/go[-.\d]*/src/"
)


def printed_beside(finding: Finding, transcript: tr.Transcript) -> list[str]:
    """Return the lines that the server printed in a scenario and that may explain a finding."""
    if finding.kind == DIED:
        return last_words(_printed(transcript))
    return head_of_error("\n".join(_without_good_ends(_printed(transcript))))


def printed_first(transcript: tr.Transcript) -> list[str]:
    """Return the first lines that the server printed in a scenario."""
    lines = _without_good_ends(_printed(transcript))
    return _short(list(dict.fromkeys(line for line in lines if line.strip())))


def _printed(transcript: tr.Transcript) -> str:
    return "\n".join(event.text for event in transcript if isinstance(event, tr.Printed))


def _without_good_ends(text: str) -> list[str]:
    """Return the lines without the backtraces of what is no error."""
    lines = text.splitlines()
    kept: list[str] = []
    at = 0
    while at < len(lines):
        last = _error_of_python(lines, at) if _PYTHON.match(lines[at]) else at
        if any(map(_NO_ERROR.match, lines[at + 1 : last + 1][-1:])):
            while kept and _INTRODUCTION.match(kept[-1]):
                kept.pop()
        else:
            kept += lines[at : last + 1]
        at = last + 1
    return kept


def done_before_death(transcript: tr.Transcript) -> str:
    """Return in words what clients did between the server's last sign of life and its end; of more
    than a few steps the last."""
    alive = max(
        (at for at, event in enumerate(transcript) if isinstance(event, tr.Received)), default=0
    )
    end = next(
        (
            at
            for at, event in enumerate(transcript)
            if at > alive and isinstance(event, tr.Ended | tr.Reset | tr.Refused | tr.Exited)
        ),
        len(transcript),
    )
    steps = [step for event in transcript[:end] if (step := _step(event))]
    since = sum(bool(_step(event)) for event in transcript[alive:end])
    return "; ".join(steps[-min(_STEPS, max(1, since)) :])


def _step(event: tr.Event) -> str:
    match event:
        case tr.Sent(client=client, octets=octets):
            shown = escape(octets[-_OCTETS:].decode("latin-1"))
            return f"{client} sent {'…' if len(octets) > _OCTETS else ''}{shown}"
        case tr.HalfClosed(client=client):
            return f"{client} half-closed its connection"
        case tr.Aborted(client=client):
            return f"{client} reset its connection"
        case tr.Connected(client=client):
            return f"{client} connected"
        case tr.Stopping(way=way):
            return f"it was told to stop, by {way}"
        case _:
            return ""


def name_of_error(printed: Sequence[str]) -> str:
    """Return the one line that names the error, of the lines kept of it; empty where they are of
    none."""
    if not printed:
        return ""
    if _FRAME.match(printed[0]):
        return printed[-1]
    if not _HEAD.match(printed[0]):
        return ""
    # Rust names the place first, and what happened in the next line.
    return " ".join(printed[:2]) if printed[0].endswith(":") else printed[0]


def head_of_error(text: str) -> list[str]:
    """Return the lines that name the first error in what a server printed; none where there is no
    error, or none that is known as one."""
    return next(_errors(text.splitlines()), [])


def last_words(text: str) -> list[str]:
    """Return what a server that died said of why: the error of its main thread, else its last
    error, or else its last lines."""
    lines = text.splitlines()
    errors = list(_errors(lines))
    # A JVM whose main thread has ended lives on until its other threads have.
    of_main = [error for error in errors if _MAIN.match(error[0])]
    last = (of_main or errors or [[]])[-1]
    return last or _short(list(dict.fromkeys(line for line in lines if line.strip()))[-MOST:])


def _errors(lines: Sequence[str]) -> Iterator[list[str]]:
    at = 0
    while at < len(lines):
        if _PYTHON.match(lines[at]):
            found, at = _of_python(lines, at)
        elif _HEAD.match(lines[at]) and not _PYTHON.match("".join(lines[at + 1 : at + 2])):
            found, at = _of_others(lines, at), at + 1
        else:
            found, at = [], at + 1
        if found:
            yield _short(found)


def _of_python(lines: Sequence[str], start: int) -> tuple[list[str], int]:
    """Return the frame in the program that is nearest to the error, and the error; where it
    ends."""
    error = _error_of_python(lines, start)
    frames = [at for at in range(start + 1, error) if _FRAME.match(lines[at])]
    own = [at for at in frames if not _LIBRARY.search(lines[at])] or frames
    place = lines[own[-1] : min(own[-1] + 2, error)] if own else []
    return [*place, *lines[error : error + 1]], error + 1


def _error_of_python(lines: Sequence[str], start: int) -> int:
    """Return where the line is that names the error of a backtrace."""
    error = start + 1
    while error < len(lines) and lines[error][:1] in ("", " ", "\t"):
        error += 1
    return error


def _of_others(lines: Sequence[str], start: int) -> list[str]:
    """Return the line that names the error, what stands with it, and the nearest place in the
    program."""
    head, after = lines[start], lines[start + 1 : start + _BACKTRACE]
    found = [head]
    if head.endswith(":") and "panicked at" in head:
        found += after[:1]
    places = [line for line in after if _PLACE.match(line)]
    found += [line for line in places if not _LIBRARY.search(line)][:1]
    return found + [line for line in after if line.startswith("Caused by:")][:1]


def _short(lines: Sequence[str]) -> list[str]:
    return [line.rstrip()[:_WIDTH] for line in lines[:MOST]]
