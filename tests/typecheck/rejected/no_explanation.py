"""A notice may have no explanation."""

from chatproto import Notice


def shout(notice: Notice) -> str:
    return notice.explanation.upper()  # error: union-attr
