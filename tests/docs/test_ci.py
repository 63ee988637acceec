"""The action, the workflows and the page about them: each input is used, each command and option
exists, and the step of the action runs."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import click
import pytest
import yaml

from conformance.commands.cli import load
from conformance.report.model import Report
from tests.conformance.command import DEADLINE, REFERENCE, specimen

ROOT: Final = Path(__file__).parent.parent.parent
ACTION: Final = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOW: Final = (ROOT / "docs" / "ci" / "chatproto.yml").read_text(encoding="utf-8")
WORKFLOWS: Final = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PAGE: Final = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
BASH: Final = shutil.which("bash") or ""
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
JUDGE: Final = (ROOT / "docs" / "judge.md").read_text(encoding="utf-8")
STEP: Final = next(step for step in ACTION["runs"]["steps"] if step.get("id") == "run")
LINES: Final = sorted(
    {
        line.strip().removeprefix("- ").partition("   #")[0]
        for text in (PAGE, README, JUDGE)
        for line in text.splitlines()
        if re.match(r"\s*(- )?(chatproto-conformance|pytest) ", line)
    }
)


def test_every_input_and_output_is_used() -> None:
    steps = yaml.safe_dump(ACTION["runs"])
    for name in ACTION["inputs"]:
        assert f"inputs.{name}" in steps, name
        assert f"`{name}`" in PAGE, name
        assert name in WORKFLOW or name == "python-version"
    for name in re.findall(r"inputs\.([\w-]+)", steps):
        assert name in ACTION["inputs"], name
    for name, output in ACTION["outputs"].items():
        assert f"steps.{STEP['id']}.outputs.{name} " in output["value"]
        assert f'echo "{name}=' in STEP["run"]


def test_every_variable_of_the_step_is_set_and_used() -> None:
    used = set(re.findall(r"\$(CHAT_\w+)", STEP["run"]))
    assert used == set(STEP["env"])
    assert "${{" not in STEP["run"]  # an input never becomes a part of the script


def test_the_workflow_uses_what_the_action_has() -> None:
    workflow = yaml.safe_load(WORKFLOW)
    [steps] = (job["steps"] for job in workflow["jobs"].values())
    [step] = (one for one in steps if "/chatproto@" in one["uses"])
    assert step["with"].keys() <= ACTION["inputs"].keys()
    for name in re.findall(r"^ +# ([\w-]+): ", WORKFLOW, re.MULTILINE):
        assert name in ACTION["inputs"], name
    for name in re.findall(rf"steps\.{step['id']}\.outputs\.([\w-]+)", WORKFLOW):
        assert name in ACTION["outputs"], name


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.name))
def test_a_workflow_of_this_repository_can_run(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "://" not in text  # no index, no host: the environment of a runner
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for job in yaml.safe_load(text)["jobs"].values():
        ids = {step["id"] for step in job["steps"] if "id" in step}
        assert set(re.findall(r"steps\.(\w+)\.", yaml.safe_dump(job))) <= ids
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            if step.get("uses") == "./":
                assert step["with"].keys() <= ACTION["inputs"].keys()
            for target in re.findall(r"\bmake (\w+)", step.get("run", "")):
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
            for name in re.findall(r"steps\.chatproto\.outputs\.(\w+)", yaml.safe_dump(step)):
                assert name in ACTION["outputs"], name


def test_a_workflow_runs_the_tests_and_another_the_action() -> None:
    texts = [path.read_text(encoding="utf-8") for path in WORKFLOWS]
    assert any("make test" in text for text in texts)
    assert any("uses: ./\n" in text for text in texts)


@pytest.mark.parametrize("block", re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S))
def test_what_the_page_shows_is_yaml(block: str) -> None:
    assert yaml.safe_load(block)


def options(command: click.Command) -> set[str]:
    return {name for one in command.params for name in (*one.opts, *one.secondary_opts)}


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("chatproto-")])
def test_every_command_has_these_options(line: str) -> None:
    _, name, *rest = shlex.split(line)
    given = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
    assert given <= options(load(name)), given - options(load(name))


def test_the_step_has_the_commands_options() -> None:
    given = set(re.findall(r"(?<=[\s(])--[a-z-]+", STEP["run"]))
    assert given
    assert given <= options(load("run"))


def test_pytest_has_these_options() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "xdist", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line for line in LINES if line.startswith("pytest")]
    assert lines
    for line in lines:
        for word in shlex.split(line):
            if re.match(r"--?[a-z]", word):
                assert re.search(rf"(^|[ ,]){word}\b", shown, re.MULTILINE), word


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """A directory in which the suite is installed as by the action's first step, but a run plays
    only a few scenarios."""
    installed = tmp_path / "chatproto" / "bin"
    installed.mkdir(parents=True)
    few = (
        'if [ "$1" = run ]; then set -- "$@" --only sanity/first,trn/nothing-but-units; fi\n'
        'if [ "$1" = clients ]; then set -- "$@" --only cli/first; fi'
    )
    for name in ("python", "chatproto-conformance"):
        (installed / name).write_text(
            f'#!/bin/sh\n{few}\nexec "{Path(sys.executable).parent / name}" "$@"\n'
        )
        (installed / name).chmod(0o755)
    return tmp_path


def perform(runner: Path, **inputs: str) -> tuple[int, dict[str, str]]:
    """Run the step's script as GitHub does; return its status and its outputs."""
    output = runner / "output"
    output.write_text("")
    given = {name.replace("_", "-"): value for name, value in inputs.items()}
    environment = {
        name: given.get(found[1], str(ACTION["inputs"][found[1]]["default"]))
        for name, value in STEP["env"].items()
        if (found := re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", value))
    }
    done = subprocess.run(
        [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", STEP["run"]],
        cwd=runner,
        env={
            **os.environ, **environment,
            "RUNNER_TEMP": str(runner), "GITHUB_OUTPUT": str(output), "GITHUB_ACTIONS": "true",
        },
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )  # fmt: skip
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert outputs.keys() == ACTION["outputs"].keys(), done.stdout + done.stderr
    return done.returncode, outputs


def test_the_step_judges_the_reference_server(runner: Path) -> None:
    profile = runner / "my server.toml"
    profile.write_text(f"name = 'mine'\n[launch]\ncommand = '''{REFERENCE}'''\n")
    status, outputs = perform(runner, profile=str(profile), level="must")
    assert (status, outputs["verdict"]) == (0, "conformant")
    reports = Path(outputs["reports"])
    assert {path.name for path in reports.iterdir()} == {
        "chatproto.json", "chatproto.html", "chatproto.xml",
    }  # fmt: skip
    report = Report.model_validate_json((reports / "chatproto.json").read_text())
    assert report.name == "mine"


def test_the_step_judges_a_client(runner: Path) -> None:
    client = f"{sys.executable} -m conformance.specimens.clients line-printer {{host}} {{port}}"
    patient = "--pipe --time-limit 300"
    status, outputs = perform(runner, client=client, client_options=patient)
    assert (status, outputs["verdict"]) == (0, "conformant")
    report = Report.model_validate_json(
        (Path(outputs["reports"]) / "chatproto.json").read_text(encoding="utf-8")
    )
    assert report.options == "--pipe"


def test_the_step_fails_where_the_command_does(runner: Path) -> None:
    status, outputs = perform(runner, launch="false", target="tcp://127.0.0.1:0")
    assert (status, outputs["verdict"]) == (3, "unreachable")
    known = runner / "known.toml"
    known.write_text("")
    status, outputs = perform(
        runner, launch=specimen("greets"), level="must", known_failures=str(known)
    )
    assert (status, outputs["verdict"]) == (1, "non-conformant")
