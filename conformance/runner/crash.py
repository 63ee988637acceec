"""What nobody expected goes to a file, with all that who mends the suite needs; a line names it."""

import os
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path

from chatproto import __version__


def words_of_crash(error: BaseException) -> str:
    """Write an unexpected error of the suite to a file; say in words what happened, and where the
    file is. Where none can be written, the words are all that stands in it."""
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
        f"the suite itself broke down ({last}). This is a fault of the suite, not of your server. "
        f"Please report it, with {path}."
    )


def _usual() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:  # none of the usual ones can be written to
        return os.curdir
