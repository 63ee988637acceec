"""From rounds to rows, ratios, verdicts and the table."""

import platform
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.fanout import pages, table
from benchmarks.fanout.__main__ import main
from benchmarks.fanout.figures import best_peer, deliveries
from benchmarks.fanout.generator import Load
from benchmarks.fanout.results import Results, Round, Spread, load_results, merge
from benchmarks.fanout.servers import MissingError, identity
from benchmarks.fanout.targets import Verdict, judge
from benchmarks.fanout.workloads import workload


def load(deliveries: int, lost: int = 0, server_cpu: float = 1.0, others: float = 0.0) -> Load:
    return Load(
        deliveries=deliveries, messages=1, seconds=1.0, generator_cpu=0.2, server_cpu=server_cpu,
        server_core_busy=server_cpu + others, generator_core_busy=0.2, stolen=0.0, lost=lost,
        doubled=0, disordered=0, wrong=0, uneven=0, closed=0, orders_differ=False, evidence="",
        accepted_s=0.1, latencies=0, p50_us=0.0, p99_us=0.0, p999_us=0.0,
    )  # fmt: skip


def results(**loads: list[Load]) -> Results:
    """A run of W1: the reference server, and peers by their names with `_` for `-`."""
    made = Results(missing={"rust": "rustc, which is not installed"})
    for name, each in loads.items():
        made.row("W1", name.replace("_", "-")).rounds = [
            Round(number, one) for number, one in enumerate(each)
        ]
    return made


def verdicts(made: Results) -> dict[str, Verdict]:
    return {each.target: each for each in judge(made)}


def test_ratios_are_taken_within_a_round() -> None:
    made = results(reference=[load(20), load(300)], go=[load(10), load(100)])
    ratio = made.ratio(made.find("W1", "reference"), made.find("W1", "go"), deliveries)
    assert ratio is not None
    assert (ratio.least, ratio.middle, ratio.greatest) == (2.0, 2.5, 3.0)


def test_the_best_peer_is_the_one_with_the_best_median_of_those_that_are_right() -> None:
    made = results(
        reference=[load(90)] * 3,
        go=[load(10), load(99), load(12)],
        go_gather=[load(30), load(31), load(32)],
        rust=[load(80), load(80), load(80, lost=1)],
        naive=[replace(load(70), orders_differ=True)] * 3,
        c_log=[load(85)] * 3,
    )
    best = best_peer(made, workload("W1"))
    assert best is not None
    assert best.server == "go-gather"


def test_of_latencies_and_memory_the_least_is_the_best() -> None:
    made = Results()
    for server, p99 in ("go", 900.0), ("go-gather", 700.0), ("node", 800.0):
        made.row("W4", server).rounds = [Round(0, replace(load(1), p99_us=p99))]
    best = best_peer(made, workload("W4"))
    assert best is not None
    assert best.server == "go-gather"


def test_one_lost_message_voids_the_row_and_its_ratios() -> None:
    made = results(reference=[load(20), load(300, lost=1)], go=[load(10), load(100)])
    assert made.row("W1", "reference").spread(deliveries) is None
    assert {verdict.is_met for verdict in judge(made)} == {None}
    assert any("void: 1 lost" in line for line in table.lines(made))


@pytest.mark.parametrize(("ours", "is_met"), [(249, False), (250, True)])
def test_a_target_is_met_from_its_bound_on(ours: int, is_met: bool) -> None:
    made = results(reference=[load(ours)], go=[load(70)], go_gather=[load(100)])
    verdict = verdicts(made)["W1 at least 2.5 × the best peer"]
    assert (verdict.is_met, verdict.beside) == (is_met, "go-gather")


def test_the_log_in_c_is_no_peer_but_the_limit() -> None:
    made = results(reference=[load(80)], go=[load(10)], c_log=[load(100)])
    assert verdicts(made)["W1 at least 0.8 × the log in C"].is_met
    assert verdicts(made)["W1 at least 2.5 × the best peer"].measured == Spread(8.0, 8.0, 8.0)


def test_what_others_took_is_marked() -> None:
    made = results(reference=[load(20, others=0.06)], go=[load(10, server_cpu=0.5)])
    text = "\n".join(table.lines(made))
    assert "1D" in text
    assert "other processes had more than a twentieth" in text
    assert "the generator was at work all the time" not in text
    assert "not measured: rust: wants rustc" in text


@pytest.mark.parametrize(("share", "found"), [(0.89, []), (0.95, ["G"])])
def test_a_row_that_the_generator_limits_is_marked(share: float, found: list[str]) -> None:
    busy = replace(load(20), generator_cpu=share, generator_core_busy=share)
    assert table.marks(results(reference=[busy, busy, load(20)]).rows[0]) == found


def test_json_comes_back_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = results(reference=[load(20)], go=[load(10)])
    made.made = {"commit": "0123", "command": "python -m benchmarks.fanout"}
    path = tmp_path / "run.json"
    path.write_text(made.to_json())
    assert load_results(path) == made
    assert main(["--table", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "0123 python -m benchmarks.fanout" in shown
    assert "W1 at least 2.5 × the best peer: 2.00" in shown


def test_runs_of_one_commit_become_one_unless_they_have_a_workload_in_common() -> None:
    first, second = results(go=[load(1)]), Results()
    first.made = {"commit": "0123", "command": "python -m a"}
    second.made = {"commit": "0123", "command": "python -m b"}
    second.row("W2", "go").rounds = [Round(0, load(1))]
    whole = merge([first, second])
    assert [row.workload for row in whole.rows] == ["W1", "W2"]
    assert whole.made == {"commit": "0123", "command": "python -m a; python -m b"}
    with pytest.raises(ValueError, match="workload in common"):
        merge([first, first])
    second.made["commit"] = "4567"
    with pytest.raises(ValueError, match="runs of 0123 and of 4567"):
        merge([first, second])


def test_an_unknown_name_is_refused_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "W9"])
    assert "no such workload: 'W9'; there are W1" in capsys.readouterr().err


def test_an_interpreter_is_called_by_its_version() -> None:
    assert identity(sys.executable).removesuffix("t") == platform.python_version()
    with pytest.raises(MissingError, match="which does not run here"):
        identity("no-such-python")


@pytest.mark.parametrize("kept", sorted(pages.KEPT.glob("*.json")), ids=lambda path: path.name)
def test_a_kept_run_says_which_commit_and_command_made_it(kept: Path) -> None:
    made = load_results(kept).made
    assert re.fullmatch("[0-9a-f]{7,40}", made["commit"])
    assert made["command"].startswith("python -m benchmarks.fanout")


@pytest.mark.parametrize("made", [{}, {"commit": "0123456+"}], ids=["none", "changed since"])
def test_a_run_of_no_commit_is_not_kept(
    made: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.json"
    path.write_text(Results(made).to_json())
    with pytest.raises(SystemExit):
        pages.main(["--keep-fanout", str(path)])
    assert "commit, then measure" in capsys.readouterr().err


def test_the_pages_show_what_the_kept_runs_measured() -> None:
    for page, text in pages.pages().items():
        assert page.read_text(encoding="utf-8") == text
