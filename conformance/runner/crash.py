"""Unexpected errors of the suite: they go to a file with all that is needed to fix them, and a line
names the file."""

import os
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path

from chatproto import __version__


def words_of_crash(error: BaseException) -> str:
    """Write an unexpected error of the suite to a file.

    Returns:
        What happened and where the file is, in words; if no file can be written, what it would say.
    """
    said = "".join(traceback.format_exception(error))
    whole = f"chatproto-conformance {__version__}, Python {sys.version}\n{sys.argv}\n\n{said}\n"
    for directory in (_usual(), os.curdir):
        path = Path(directory).absolute() / f"chatproto-conformance-{os.getpid()}.txt"
        with suppress(OSError), path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(whole)
            break
    else:
        return whole
    last = said.strip().rpartition("\n")[2]
    return (
        f"the suite itself broke down ({last}). This is a fault of the suite, not of your program. "
        f"Please report it, with {path}."
    )


def _usual() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:  # none of the usual ones can be written to
        return os.curdir
