"""`chatproto-chat`: a chatproto/1 client, at a terminal or in a pipe.

A line typed means something (`composing`), a connection carries it (`address`, `link`), what comes
back is made fit to look at (`showing`); `terminal` and `plain` put the two together, `editor` is
the line being edited. Only `editor` needs prompt_toolkit.
"""
