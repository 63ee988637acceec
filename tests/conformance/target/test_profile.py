"""Profiles say what is wrong with them, and where."""

from pathlib import Path

import pytest

from conformance.target.profile import ProfileError, load_profile


def load(tmp_path: Path, text: str) -> str:
    path = tmp_path / "p.toml"
    path.write_text(text)
    try:
        return str(load_profile(path))
    except ProfileError as error:
        return str(error)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("adress = 1", "unknown key adress; the nearest known one is target"),
        ("[launch]\ncomand = 'x'", "unknown key launch.comand; the nearest known one is command"),
        ("[[cluster.fault]]\nhael = 'x'", "fault.0.hael; the nearest known one is heal"),
        ("[cluster]\nfalt = 'x'", "unknown key cluster.falt; the nearest known one is fault"),
        ("[launch]\ncommand = 'x'\nready = 0", "launch.ready: Input should be greater than 0"),
        ("[limits]\ncapacity = 0", "limits.capacity"),
        ("[target]\naddress = 'nowhere'", "'nowhere' is no address"),
        ("[launch]\ncommand = 'x'\nstop = ['sigkill']", "launch.stop.0"),
        ("a = [", "not TOML"),
    ],
)
def test_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    assert said in load(tmp_path, text)


def test_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        """
        name = "mine"
        [target]
        address = "tcp://[::1]:9999"
        address_translation = true
        [launch]
        command = "serve {port}"
        stop = ["sigint", "console"]
        ready = 2.5
        environment = { DEBUG = "1" }
        [limits]
        capacity = 20
        """
    )
    profile = load_profile(path)
    assert profile.launch is not None
    assert profile.launch.stop == ("sigint", "console")
    assert profile.limits.capacity == 20
    assert profile.target.address_translation
