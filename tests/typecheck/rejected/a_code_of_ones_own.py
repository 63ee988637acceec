"""A violation's code is the standard's; a charset is one of two."""

from chatproto import Notice, ServerConnection, Violation

Violation("too-rude", 1, Notice("too-rude"))  # error: arg-type
ServerConnection(charset="latin-1")  # error: arg-type
