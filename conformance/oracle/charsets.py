"""What a line says to a server that reads it in another charset than UTF-8."""

from typing import Final

from chatproto.text import REPLACEMENT, make_safe, trim

_CHARSETS: Final = ("ascii", "latin-1", "cp1252", "gbk", "gb18030", "shift_jis", "euc_kr")


def readings_of(line: bytes) -> frozenset[bytes]:
    """Return the texts of a line that is read in another charset than UTF-8."""
    if line.isascii():
        return frozenset()  # ASCII is the same in each of them
    right = make_safe(line.decode("utf-8", "replace"))
    read = [line.decode(charset, "replace") for charset in _CHARSETS]
    read += [trimmed for text in read for trimmed in (trim(text), text.strip())]
    texts = set(map(make_safe, read))
    if _is_ascii_but_replaced(right):
        # Each octet of what must be replaced may have been replaced.
        texts = {text for text in texts if not _is_ascii_but_replaced(text)}
    return frozenset(text.encode() for text in texts - {trim(right)})


def _is_ascii_but_replaced(text: str) -> bool:
    return text.replace(REPLACEMENT, "").isascii()
