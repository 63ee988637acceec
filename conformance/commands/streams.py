"""Standard streams that cannot fail a run.

Output to a closed or full stream is dropped. Characters that a stream cannot encode are replaced.
"""

import codecs
import io
import os
import sys
from contextlib import suppress
from typing import Final

_STANDARD: Final = (0, 1, 2)


class _Lenient(io.FileIO):
    """A file that drops all output after the first failed write: no reader, or a full disk."""

    _is_lost = False

    def write(self, data: object, /) -> int:
        if not self._is_lost:
            try:
                return super().write(data)  # type: ignore[arg-type]  # whatever FileIO takes
            except BlockingIOError:
                raise
            except OSError:
                self._is_lost = True
        return memoryview(data).nbytes  # type: ignore[arg-type]  # as above


def open_closed_streams() -> None:
    """Open the null device for each closed standard stream, so that no socket gets its number."""
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115  # as long as the process lasts
    sys.stdout = sys.stdout or _lenient(1, "utf-8")
    sys.stderr = sys.stderr or _lenient(2, "utf-8")


def tolerate_failing_streams() -> None:
    """Make standard output and error accept any character, and survive a reader that closes."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        with suppress(OSError, ValueError, io.UnsupportedOperation):
            if stream.fileno() == number:
                stream.flush()
                setattr(sys, name, _lenient(number, stream.encoding))


_SYMBOLS: Final = dict(
    zip("—–…×·•→←▶◀─═│┊╎├┤┼○●✕⋮✓✗△◇›\u2019", "--~x.*><><-=|::||+ooX:+x!/>'", strict=True)
)
"""The replacement for each symbol that a stream cannot encode, one column wide."""


def _legible(error: UnicodeError) -> tuple[str, int]:
    """Replace a character that a stream cannot encode by a similar one, or by its code point."""
    assert isinstance(error, UnicodeEncodeError)
    char = error.object[error.start]
    return _SYMBOLS.get(char, f"<U+{ord(char):04X}>"), error.start + 1


codecs.register_error("legible", _legible)


def _lenient(number: int, encoding: str) -> io.TextIOWrapper:
    raw = _Lenient(number, "w", closefd=False)
    line_by_line = number == 2 or raw.isatty()
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors="legible", line_buffering=line_by_line
    )
