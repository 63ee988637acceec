"""What chatproto's octets cost: to events and to the log, in 64 KiB reads.

Everything is to `split`: cut the same reads at LF and decode each line, and do nothing with it.
"""

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Final

from benchmarks.measure import Result, Work, compare, pin
from benchmarks.payloads import ASCII, MANY_SCRIPTS, clean, cut, dirty, texts
from chatproto import Member, Room, ServerConnection

TARGETS: Final = {"chatproto events": 4.0, "chatproto log": 1.5}
BOUNDED: Final = "64 octets, ASCII"
"""The ratio to `split` that each should not pass, and in which group."""
TIME: Final = datetime(2021, 7, 3, 17, 45, 39)


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks.octets", description=__doc__)
    options.add_argument("--rounds", type=int, default=9, help="5 or more (default: 9)")
    options.add_argument("--mib", type=int, default=1, help="MiB a work reads (default: 1)")
    options.add_argument("--json", type=Path, metavar="F", help="write the figures to F as well")
    given = options.parse_args(arguments)
    if given.rounds < 5 or given.mib < 1:
        options.error("at least 5 rounds, at least 1 MiB")
    core = pin()
    results = {
        name: compare(group, given.rounds) for name, group in groups(given.mib << 20).items()
    }
    sys.stdout.write("\n".join(table(results, core, given.rounds)) + "\n")
    if given.json is not None:
        given.json.write_text(json.dumps(report(results, core, given.rounds), indent=1) + "\n")


def groups(octets: int) -> dict[str, list[Work]]:
    """All works, grouped by what they read."""
    from benchmarks import peers  # what it needs is in the extra `bench`

    short = texts(ASCII, 64, octets)
    return {
        BOUNDED: [*works(clean(short)), *peers.works(short)],
        "64 octets, many scripts": works(clean(texts(MANY_SCRIPTS, 64, octets))),
        "64 octets, a tenth dirty": works(dirty(short)),
        "4,000 octets, ASCII": works(clean(texts(ASCII, 4_000, octets))),
        "4,000 octets, many scripts": works(clean(texts(MANY_SCRIPTS, 4_000, octets))),
    }


def works(stream: bytes) -> list[Work]:
    """What is done with chatproto's own octets, and first what all is to."""
    reads = cut(stream)
    room = Room()
    member = room.join("127.0.0.1:52012")
    return [
        Work("split", "split at LF, decode each line", lambda: split(reads)),
        Work("chatproto events", "ServerConnection.receive", lambda: to_events(reads)),
        Work("chatproto log", "Room.receive", lambda: to_log(room, member, reads)),
    ]


def split(reads: list[bytes]) -> int:
    messages = 0
    rest = b""
    for octets in reads:
        *lines, rest = (rest + octets).split(b"\n")
        messages += len([line.decode() for line in lines])
    return messages


def to_events(reads: list[bytes]) -> int:
    connection = ServerConnection()
    return sum(len(connection.receive(octets)) for octets in reads)


def to_log(room: Room, member: Member, reads: list[bytes]) -> int:
    """In a room that stays open: the first segments of a new one are pages the system clears."""
    messages = 0
    for octets in reads:
        messages += room.receive(member, octets, TIME).messages
        member.sent(member.backlog)
    return messages


def table(results: dict[str, list[Result]], core: int, rounds: int) -> list[str]:
    """Lay the figures out; one line a work."""
    lines = [
        f"{rounds} rounds on core {core}, Python {platform.python_version()}; min - median - max",
        "",
        f"{'':28}{'to split':>22}{'ns a message':>16}{'messages a second':>20}",
    ]
    for name, group in results.items():
        lines += ["", name]
        for each in group:
            ratio, seconds = each.ratio, each.seconds
            lines.append(
                f"  {each.work.name:26}"
                f"{f'{ratio.min:.2f} - {ratio.median:.2f} - {ratio.max:.2f}':>22}"
                f"{seconds.median / each.messages * 1e9:>16,.0f}"
                f"{each.messages / seconds.median:>20,.0f}  {each.work.does}"
                + f" ({each.disturbed} rounds disturbed)"
                * bool(each.disturbed)
            )
    bounded = [each for each in results[BOUNDED] if each.work.name in TARGETS]
    return [*lines, "", *map(verdict, bounded)]


def verdict(result: Result) -> str:
    target = TARGETS[result.work.name]
    word = "met" if result.ratio.median <= target else "missed"
    return f"target {word}: {result.work.name} at {result.ratio.median:.2f}, to be {target} or less"


def report(results: dict[str, list[Result]], core: int, rounds: int) -> dict[str, object]:
    """Put the figures, and what they were taken on, into JSON's terms; times in seconds."""
    return {
        "benchmark": "octets",
        "python": sys.version,
        "machine": platform.platform(),
        "core": core,
        "rounds": rounds,
        "load": os.getloadavg(),
        "groups": {
            name: [
                {
                    "name": each.work.name,
                    "does": each.work.does,
                    "messages": each.messages,
                    "seconds": asdict(each.seconds),
                    "ratio": asdict(each.ratio),
                    "disturbed": each.disturbed,
                }
                for each in group
            ]
            for name, group in results.items()
        },
    }


if __name__ == "__main__":
    main()
