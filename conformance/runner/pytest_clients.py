"""The scenarios for clients within somebody's own pytest run: a test each, named as its function.

They are played one after the other in each process, with the client started for each.
"""

import importlib
import inspect
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from conformance.clients.registry import FIRST, ClientPlay, client_plays
from conformance.report.build import without
from conformance.runner.client_suite import ClientPlayer
from conformance.runner.pytest_plugin import end
from conformance.runner.session import Settings
from conformance.target.process import LaunchError

_PACKAGE: Final = Path(__file__).parent.parent
_SCENARIOS: Final = _PACKAGE / "clients" / "scenarios"


def take_part_with_client(config: pytest.Config, player: ClientPlayer, settings: Settings) -> None:
    """Let this pytest process collect the scenarios for clients, and play them."""
    config.pluginmanager.register(_CollectingForClient(player, settings))
    config.add_cleanup(player.close)


def client_play_of(nodeid: str) -> ClientPlay | None:
    """Return the scenario that is a test of this id, if it is one."""
    path, _, name = nodeid.partition("::")
    for one in client_plays():
        play = one.play
        if path.endswith(f"{play.__module__.replace('.', '/')}.py") and play.__name__ == name:
            return one
    return None


class _CollectingForClient:
    """What pytest is to make of the files in this package, where it judges a client."""

    def __init__(self, player: ClientPlayer, settings: Settings) -> None:
        self._player = player
        self._settings = settings

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
        """Collect scenarios for clients, and nothing else here."""
        found = yield
        if not file_path.is_relative_to(_PACKAGE):
            return found
        if file_path.parent == _SCENARIOS and file_path.suffix == ".py":
            name = file_path.relative_to(_PACKAGE.parent).as_posix()
            file: ClientFile = ClientFile.from_parent(parent, path=file_path, nodeid=name)
            file.player, file.settings = self._player, self._settings
            return [file]
        return []

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Deselect what was not asked for, and play the first scenario first."""
        own = {item: item.play.scenario.id for item in items if isinstance(item, ClientItem)}
        refused = [item for item, id_ in own.items() if id_ not in self._settings.scenarios]
        items[:] = [item for item in items if item not in refused]
        if refused:
            config.hook.pytest_deselected(items=refused)
        items.sort(key=lambda item: isinstance(item, ClientItem) and own[item] != FIRST)


class ClientFile(pytest.File):
    """The scenarios of one topic."""

    player: ClientPlayer
    settings: Settings

    def collect(self) -> Iterator["ClientItem"]:
        module = importlib.import_module(f"conformance.clients.scenarios.{self.path.stem}")
        for one in client_plays():
            if one.play.__module__ == module.__name__:
                yield ClientItem.from_parent(self, name=one.play.__name__, play=one)


class ClientItem(pytest.Item):
    """One scenario. -k finds it by its id and by the requirements it is there for, too."""

    def __init__(self, name: str, parent: ClientFile, play: ClientPlay) -> None:
        super().__init__(name, parent)
        self.play = play
        self._player = parent.player
        self._settings = parent.settings
        scenario = play.scenario
        self.extra_keyword_matches.update((scenario.id, *scenario.requirements))

    def setup(self) -> None:
        """Skip a scenario that this client cannot be played."""
        reason = self._player.reason_to_skip(self.play)
        if reason is not None:
            end(self, without(self.play.scenario, "skip", reason), self._settings)

    def runtest(self) -> None:
        """Play the scenario, judge it, and end its test accordingly."""
        try:
            result = self._player.play(self.play)
        except LaunchError as error:
            pytest.fail(str(error), pytrace=False)
        end(self, result, self._settings)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        line = None
        with suppress(OSError):
            line = inspect.getsourcelines(self.play.play)[1] - 1
        return self.path, line, self.name
