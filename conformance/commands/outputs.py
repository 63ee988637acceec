"""The files that a command writes.

A file that cannot be written is reported, and the others are still written: no findings are lost.
"""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import click
from pydantic import BaseModel

from conformance.report.model import ScenarioReport
from conformance.runner.crash import words_of_crash
from conformance.runner.session import transcript_path


class Outputs:
    """The files of one command; `failed` is true once one of them could not be written."""

    def __init__(self) -> None:
        self.failed = False

    def write(self, path: Path | None, render: Callable[[], str]) -> None:
        """Render a file and write it as UTF-8, if a path is given.

        A failure is reported, and no incomplete file is left behind.
        """
        if path is None:
            return
        try:
            text = render()
        except Exception as error:
            self.failed = True
            click.echo(f"chatproto-conformance: no {path}: {words_of_crash(error)}", err=True)
            return
        try:
            path.write_text(text, encoding="utf-8", errors="replace")
        except OSError as error:
            self.fail(path, error)
            with suppress(OSError):
                if path.is_file():
                    path.unlink()

    def write_json(self, path: Path | None, model: BaseModel) -> None:
        """Write data as JSON, if a path is given."""
        self.write(path, lambda: _as_json(model))

    def look_for(self, transcripts: Path | None, played: Iterable[ScenarioReport]) -> None:
        """Report transcripts that could not be written."""
        if transcripts is None:
            return
        missing = [
            one.id
            for one in played
            if one.exercised and not transcript_path(transcripts, one.id).is_file()
        ]
        if missing:
            self.failed = True
            click.echo(
                f"chatproto-conformance: cannot write {len(missing)} transcripts into "
                f"{transcripts}, the first is that of {missing[0]}",
                err=True,
            )

    def fail(self, path: Path, error: OSError) -> None:
        """Report that a file could not be written."""
        self.failed = True
        click.echo(f"chatproto-conformance: cannot write {path}: {error.strerror}", err=True)


def _as_json(model: BaseModel) -> str:
    # model_dump_json refuses surrogates, and a command line may hold octets that are not UTF-8.
    data = model.model_dump(mode="json", by_alias=True)
    return f"{json.dumps(data, ensure_ascii=False, indent=2)}\n"


def check_parent(path: Path) -> None:
    """Raise a usage error if the directory of this file does not exist."""
    if not path.parent.is_dir():
        raise click.UsageError(f"{path}: there is no directory {path.parent}")


def check_directory(path: Path) -> None:
    """Raise a usage error if this is not a directory and cannot become one."""
    nearest = next(there for there in (path, *path.absolute().parents) if there.exists())
    if not nearest.is_dir():
        raise click.UsageError(f"{path}: {nearest} is no directory")


def make_directory(path: Path) -> None:
    """Make a directory if there is none; raise a usage error if that fails."""
    check_directory(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from None
