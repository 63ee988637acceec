"""`chatproto-chat`: a chatproto/1 client, at a terminal or in a pipe.

`composing` decides what a typed line means, `address` and `link` are the connection, and `showing`
formats what comes. `terminal` and `plain` combine them, for a terminal and for a pipe. `editor` is
the input line; it alone needs prompt_toolkit.
"""
