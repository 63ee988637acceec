"""What the operator reads: who came, who left and why, and no word of what was said."""

import logging
import re

import pytest

from chatproto import Limits
from tests.reference_server.conftest import Connect, Serve
from tests.reference_server.peer import eventually


def test_the_log_tells_who_came_and_left_and_why(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(limits=Limits(members=4))
    quitter, violator, ended, lost = [connect(server) for _ in range(4)]
    refused = connect(server, member=False)
    refused.read_to_end()
    refused.close()
    quitter.send(b"secret\nquit\n")
    violator.send(b"fine\nsecret\xff\n")
    ended.end()
    for peer in quitter, violator, ended:
        peer.read_to_end()
        peer.close()
    lost.reset()
    eventually(lambda: not server.members())
    server.stop()
    for line in (
        f"INFO .* listening on {re.escape(server.addresses[0])}",
        f"INFO .* {quitter.sender} joined",
        f"INFO .* {refused.sender} refused: room-full",
        f"INFO .* {quitter.sender} left: quit",
        f"WARNING .* {violator.sender} left: invalid-text in line 3",
        f"INFO .* {ended.sender} left: end of stream",
        f"INFO .* {lost.sender} left: lost: Connection reset by peer",
        r"INFO .* stopped: 5 members served, 6 broadcasts, \d+ octets",
    ):
        assert re.search(line, caplog.text) is not None, line
    assert "secret" not in caplog.text
    assert len(re.findall("left", caplog.text)) == 4


def test_texts_are_logged_where_that_is_asked_for(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(log_text=True)
    ann = connect(server)
    ann.send("\n你好\u202e\nquit\n".encode())
    ann.read_to_end()
    ann.close()
    server.stop()
    said = [record for record in caplog.records if "says" in record.getMessage()]
    assert said[-1].getMessage() == f"{ann.sender} says: '你好\\u202e'"
    assert said[-1].levelno == logging.INFO
