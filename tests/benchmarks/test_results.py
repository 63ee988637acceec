"""From rounds to rows, ratios, verdicts and the table."""

from pathlib import Path

import pytest

from benchmarks.fanout import table
from benchmarks.fanout.__main__ import main
from benchmarks.fanout.generator import Load
from benchmarks.fanout.results import Results, Round, load_results
from benchmarks.fanout.targets import deliveries, judge

ROOT = Path(__file__).parents[2]


def load(deliveries: int, lost: int = 0, server_cpu: float = 1.0, others: float = 0.0) -> Load:
    return Load(
        deliveries=deliveries, messages=1, seconds=1.0, generator_cpu=0.2, server_cpu=server_cpu,
        server_core_busy=server_cpu + others, generator_core_busy=0.2, stolen=0.0, lost=lost,
        doubled=0, disordered=0, wrong=0, uneven=0, closed=0, orders_differ=False, evidence="",
        accepted_s=0.1, latencies=0, p50_us=0.0, p99_us=0.0, p999_us=0.0,
    )  # fmt: skip


def results(ours: list[Load], theirs: list[Load]) -> Results:
    made = Results(missing={"rust": "rustc, which is not installed"})
    for name, loads in ("reference", ours), ("go", theirs):
        made.row("W1", name).rounds = [Round(n, each) for n, each in enumerate(loads)]
    return made


def test_ratios_are_taken_within_a_round() -> None:
    made = results([load(20), load(300)], [load(10), load(100)])
    ratio = made.ratio(made.find("W1", "reference"), made.find("W1", "go"), deliveries)
    assert ratio is not None
    assert (ratio.least, ratio.middle, ratio.greatest) == (2.0, 2.5, 3.0)


def test_one_lost_message_voids_the_row_and_its_ratios() -> None:
    made = results([load(20), load(300, lost=1)], [load(10), load(100)])
    assert made.row("W1", "reference").spread(deliveries) is None
    [go, ngircd] = judge(made)
    assert (go.is_met, ngircd.is_met) == (None, None)
    assert any("void: 1 lost" in line for line in table.lines(made))


@pytest.mark.parametrize(("ours", "met"), [(199, False), (200, True)])
def test_a_target_is_met_from_its_bound_on(ours: int, met: bool) -> None:
    [go, _] = judge(results([load(ours)], [load(100)]))
    assert go.is_met is met


def test_what_others_took_is_marked_and_what_the_generator_limited() -> None:
    ours = [load(20, others=0.06)]
    made = results(ours, [load(10, server_cpu=0.5)])
    text = "\n".join(table.lines(made))
    assert "1D" in text
    assert "others had more than a twentieth" in text
    assert "the generator was the limit" not in text
    assert "not measured: rust: wants rustc" in text


def test_json_comes_back_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = results([load(20)], [load(10)])
    path = tmp_path / "run.json"
    path.write_text(made.to_json())
    assert load_results(path) == made
    assert main(["--table", str(path)]) == 0
    assert "W1 at least 2 x Go: 2.00" in capsys.readouterr().out


def test_an_unknown_name_is_refused_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "W9"])
    assert "no such workload: 'W9'; there are W1" in capsys.readouterr().err


def test_the_readme_shows_what_the_committed_run_measured() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("<!-- make bench: begin -->\n")[2].partition("<!-- make bench: end")[0]
    committed = load_results(ROOT / "benchmarks" / "results" / "fanout.json")
    assert shown.splitlines() == list(table.markdown(committed))
