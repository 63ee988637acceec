"""The picture for docs/speed.md: W1 to W3 as dots with their ranges, W7 as lines over its members.

Axes are logarithmic: what is compared are ratios, and equal ratios are equal distances.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, NullFormatter

from benchmarks.fanout.figures import deliveries
from benchmarks.fanout.results import Results, Spread, load_results
from benchmarks.fanout.servers import LEAST, LIMIT, REFERENCE, SERVERS
from benchmarks.fanout.workloads import WORKLOADS

DOTS: Final = ("W1", "W2", "W3")
OURS: Final = "#c2410c"
LIMITS: Final = "#15803d"
OTHERS: Final = "#6b7280"
LABEL: Final = 1.3
"""How much higher, as a factor, a label stands than the one below it."""
_COLOURS: Final = {REFERENCE: OURS, LIMIT: LIMITS, LEAST: LIMITS}


def draw(results: Results) -> Figure:
    """Lay out three panels of dots above one of lines."""
    figure = Figure(figsize=(10, 7.2), layout="constrained")
    panels: dict[str, Any] = figure.subplot_mosaic([list(DOTS), ["W7"] * 3])
    for workload in DOTS:
        if workload != DOTS[0]:
            panels[workload].sharex(panels[DOTS[0]])
        _draw_dots(panels[workload], results, workload, named=workload == DOTS[0])
    _draw_lines(panels["W7"], results)
    return figure


def _draw_dots(panel: Any, results: Results, workload: str, named: bool) -> None:
    title = next(each.title for each in WORKLOADS if each.id == workload)
    for place, server in enumerate(reversed(SERVERS)):
        spread = _spread(results, workload, server.name)
        if spread is not None:
            colour = _COLOURS.get(server.name, OTHERS)
            panel.plot([spread.least, spread.greatest], [place, place], color=colour, lw=2)
            panel.plot(spread.middle, place, "o", color=colour, ms=6)
    panel.set_yticks(range(len(SERVERS)), [each.title for each in reversed(SERVERS)])
    panel.tick_params(axis="y", length=0, labelleft=named)
    panel.set_ylim(-0.6, len(SERVERS) - 0.4)
    panel.set_title(f"{workload}: {title.replace(', ', chr(10), 1)}", fontsize=9, loc="left")
    _dress(panel, "x")
    panel.set_xlabel("deliveries a second", fontsize=9)


def _draw_lines(panel: Any, results: Results) -> None:
    ends: dict[str, float] = {}
    colours: dict[str, str] = {}
    sizes = [(each.id, each.members) for each in WORKLOADS if each.group == "W7"]
    for server in SERVERS:
        points = [
            (members, spread)
            for workload, members in sizes
            if (spread := _spread(results, workload, server.name)) is not None
        ]
        if not points:
            continue
        colour = _COLOURS.get(server.name, OTHERS)
        numbers = [members for members, _ in points]
        panel.plot(numbers, [each.middle for _, each in points], "o-", color=colour, ms=4)
        panel.fill_between(
            numbers,
            [each.least for _, each in points],
            [each.greatest for _, each in points],
            color=colour,
            alpha=0.12,
            lw=0,
        )
        ends[server.title] = points[-1][1].middle
        colours[server.title] = colour
    panel.set_xscale("log")
    panel.set_xticks([members for _, members in sizes], [f"{each:,}" for _, each in sizes])
    panel.minorticks_off()
    panel.set_xlim(8, 14000)
    for title, height in _apart(ends).items():
        where = {"xytext": (8, 0), "textcoords": "offset points", "va": "center"}
        panel.annotate(title, (sizes[-1][1], height), color=colours[title], fontsize=8, **where)
    panel.set_title("W7: one sender, window 4, more and more members", fontsize=9, loc="left")
    _dress(panel, "y")
    panel.set_xlabel("members", fontsize=9)
    panel.set_ylabel("deliveries a second", fontsize=9)


def _apart(heights: dict[str, float]) -> dict[str, float]:
    """Move labels up where they would lie on the one below."""
    placed: dict[str, float] = {}
    lowest = 0.0
    for title, height in sorted(heights.items(), key=lambda item: item[1]):
        placed[title] = max(height, lowest)
        lowest = placed[title] * LABEL
    return placed


def _dress(panel: Any, axis: str) -> None:
    getattr(panel, f"set_{axis}scale")("log")
    getattr(panel, f"{axis}axis").set_major_formatter(EngFormatter(sep=" "))
    getattr(panel, f"{axis}axis").set_minor_formatter(NullFormatter())
    panel.grid(axis=axis, color="#e5e7eb", lw=0.8)
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)


def _spread(results: Results, workload: str, server: str) -> Spread | None:
    row = results.find(workload, server)
    return row.spread(deliveries) if row else None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fanout.plot", description="Draw a run's JSON as PNG and SVG."
    )
    parser.add_argument("results", type=Path, metavar="FILE", help="what --json wrote")
    options = parser.parse_args(arguments)
    mpl.rcParams.update({"svg.hashsalt": "chatproto", "font.family": "DejaVu Sans"})
    figure = draw(load_results(options.results))
    for suffix, extras in ((".png", {"dpi": 150}), (".svg", {"metadata": {"Date": None}})):
        figure.savefig(options.results.with_suffix(suffix), facecolor="white", **extras)
    return 0


if __name__ == "__main__":
    sys.exit(main())
