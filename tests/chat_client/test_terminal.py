"""At a terminal: talking, editing while others talk, leaving, and outliving the connection."""

import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reference_server import ChatServer
from tests.chat_client.terminal import CTRL_C, CTRL_D, Terminal
from tests.reference_server.conftest import Connect, Serve
from tests.reference_server.peer import DEADLINE


@contextmanager
def joined(server: ChatServer, **environment: str) -> Iterator[Terminal]:
    """Start a client, and wait for its own first message, so that it is a member."""
    with Terminal(server.addresses[0], **environment) as client:
        client.shows("-- connected to")
        client.press("first\r")
        client.shows("  first")
        yield client


def test_two_users_talk(serve: Serve) -> None:
    server = serve()
    with joined(server) as ann, joined(server) as bob:
        bob.press("good 早\r")
        ann.shows("  good 早")
        bob.shows("  good 早")
        ann.press("and you\r")
        bob.shows("  and you")
        ann.shows("  and you")
        # The user's time, the server's, the sender and the text; and no line twice.
        assert re.search(
            r"^\d\d:\d\d:\d\d \(\d\d:\d\d:\d\d\) 127\.0\.0\.1:\d+  and you$", ann.text, re.M
        )
        assert ann.text.count("and you") == 1


def test_a_line_being_edited_stays_while_others_talk(serve: Serve, connect: Connect) -> None:
    server = serve()
    peer = connect(server)
    with joined(server) as user:
        user.press("half a ln")
        user.wait(lambda: user.edited == "> half a ln")
        peer.send(b"one\ntwo\n")
        user.shows("  one", "  two")
        user.wait(lambda: user.edited == "> half a ln")
        user.press("\x1b[Di\x1b[Ce\r")
        user.shows("  half a line")
        peer.read_until(b"half a line\n")
        user.wait(lambda: user.edited == ">")


def test_control_d_leaves_and_the_rest_is_read_out(serve: Serve, connect: Connect) -> None:
    server = serve()
    peer = connect(server)
    with joined(server) as user:
        user.press(f"last words\r{CTRL_D}")
        assert user.end() == 0
        assert "  last words" in user.text
        assert f"-- left {server.addresses[0]}" in user.text
    peer.fence()
    assert b"quit" not in peer.received
    assert len(server.members()) == 1


def test_control_d_in_a_line_that_is_not_empty_deletes_and_control_c_throws_it_away(
    serve: Serve,
) -> None:
    with joined(serve()) as user:
        user.press(f"abc\x01{CTRL_D}")
        user.wait(lambda: user.edited == "> bc")
        user.press(CTRL_C)
        user.shows("-- Ctrl-D leaves")
        user.wait(lambda: user.edited == ">")
        user.press("/quit\r")
        assert user.end() == 0


@pytest.mark.parametrize(
    ("line", "kept", "why"),
    [
        (
            "quit",
            "> quit",
            "quit alone would make you leave; to leave, write /quit or press Ctrl-D",
        ),
        ("  ", ">", "blank: there is nothing to send"),
        # As pasted: a terminal says where a paste begins and ends.
        ("\x1b[200~a\x07b\x1b[201~", "> a^Gb", "character 2 is U+0007, a control character"),
        (
            "\x1b[200~two\nlines\x1b[201~",
            "> two",
            "character 4 is a line feed, which would end the line",
        ),
        ("早" * 342, "> 早", "the text has 1026 octets; a line may have 1024"),
    ],
)
def test_what_would_not_arrive_is_refused_and_stays_to_be_mended(
    serve: Serve, connect: Connect, line: str, kept: str, why: str
) -> None:
    server = serve()
    peer = connect(server)
    with joined(server) as user:
        user.press(f"{line}\r")
        user.shows(why)
        user.wait(lambda: kept in user.text)
        user.press(f"{CTRL_C}now\r")
        user.shows("  now")
    peer.read_until(b"now\n")
    assert peer.received.count(b" 127.0.0.1:") == 3  # the fence, first, now


def test_help_explains(serve: Serve) -> None:
    with joined(serve()) as user:
        user.press("/help\r")
        user.shows("-- /quit    leave", "-- //quit   say /quit")
        user.press("//quit\r")
        user.shows("  /quit")


def test_a_restarted_server_is_connected_to_again(serve: Serve) -> None:
    first = serve()
    address = first.addresses[0]
    with joined(first) as user:
        user.press("kept")
        user.wait(lambda: user.edited == "> kept")
        first.stop()
        user.shows("*** shutting-down (the server is being stopped)")
        user.shows("-- the server ended the connection", "-- trying again in 0.5 s (1 of 7)")
        user.wait(lambda: user.edited == "(no connection) > kept")
        user.press("\r")
        user.shows("not sent: there is no connection")
        serve(address)
        user.shows(f"-- connected to {address} again")
        user.wait(lambda: user.edited == "> kept")
        user.press("\r")
        user.shows("  kept")
        user.press(CTRL_D)
        assert user.end() == 0


def test_after_the_last_wait_it_gives_up(serve: Serve) -> None:
    server = serve()
    hasty = "import chat_client.terminal; chat_client.terminal.WAITS = (0.01, 0.02)"
    with Terminal(server.addresses[0], but=hasty) as user:
        user.shows("-- connected to")
        server.stop()
        assert user.end() == 1
    assert "-- trying again in 0.02 s (2 of 2)" in user.text
    assert user.text.endswith("-- given up")


def test_a_server_that_does_not_end_is_given_up_and_control_c_ends_it_sooner() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        hasty = "import chat_client.link; chat_client.link.PATIENCE = 0.05"
        with Terminal(address, but=hasty) as user:
            user.shows("-- connected to")
            user.press(CTRL_D)
            assert user.end() == 1
        assert "the connection was lost: no end of stream within" in user.text
        listener.accept()[0].close()
        with Terminal(address) as user:
            user.shows("-- connected to")
            user.press(CTRL_D)
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(DEADLINE)
                assert peer.recv(16) == b"quit\n"
                # Its terminal is as it was, so the key is a signal.
                user.process.send_signal(signal.SIGINT)
                assert user.end() == 130
        assert "Traceback" not in user.text


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
def test_while_there_is_no_connection_a_key_ends_it(serve: Serve, key: str) -> None:
    server = serve()
    with joined(server) as user:
        server.stop()
        user.shows("nothing listens there")
        user.press(key)
        assert user.end() == 1


def test_nothing_a_server_sends_drives_the_terminal() -> None:
    """An unknown notice does not end anything (CLI-3), and octets that are no unit start no
    retry."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        with Terminal(f"tcp://{host}:{port}") as user:
            peer, _ = listener.accept()
            with peer:
                peer.sendall(b"!moon-phase it is \xe2\x80\xae full\n!tea\n")
                user.shows("*** moon-phase: it is <U+202E> full", "*** tea")
                peer.sendall("20210703 17:45:39 unix:1\na\tb\u2028c\u202ed\n\n".encode())
                user.shows("(17:45:39) unix:1  a    b<U+2028>c<U+202E>d")
                peer.sendall(b"20210703 17:45:39 unix:1\n\x1b]0;owned\x07\x9b2J\n")
                assert user.end() == 1
    assert "-- what came is not chatproto/1: line 7 (b'\\x1b]0;owned" in user.text
    assert "trying again" not in user.text
    assert b"\x1b]0;owned" not in user.octets
    assert b"\x9b" not in user.octets.replace("早".encode(), b"")


def test_each_sender_has_a_colour_and_none_where_none_are_wanted(serve: Serve) -> None:
    server = serve()
    with joined(server) as user:
        [sender] = re.findall(r"\) (127\S+)  first", user.text)
        row = next(row for row, line in enumerate(user.screen.display) if sender in line)
        column = user.screen.display[row].index(sender)
        assert user.screen.buffer[row][column].fg != "default"
    with joined(server, NO_COLOR="1") as user:
        row = next(row for row, line in enumerate(user.screen.display) if "  first" in line)
        assert {cell.fg for cell in user.screen.buffer[row].values()} == {"default"}


def test_cli_11_a_text_padded_to_the_terminal_s_width_forges_no_row(
    serve: Serve, connect: Connect
) -> None:
    server = serve()
    peer = connect(server)
    forged = "18:45:40 (17:45:39) 10.0.0.1:52012  hello"
    with joined(server) as user, Terminal("--plain", server.addresses[0]) as other:
        other.press("second\n")
        other.shows(" second")
        for width in range(60, 121):
            peer.send(f"{'.' * (width - 1)} {forged}\n".encode())
        peer.send(f"{'.' * 500}{forged}\nlast\n".encode())
        for each in user, other:
            each.shows(" last")
            rows = each.text.split("\n")
            assert sum("10.0.0.1" in row for row in rows) > 5
            assert not [row for row in rows if row.startswith(("18:45:40", "10.0.0.1"))]


def test_control_c_ends_it_while_a_name_is_looked_up() -> None:
    slow = (
        "import socket, time; socket.getaddrinfo = lambda *_, **__: print('?') or time.sleep(600)"
    )
    with Terminal("tcp://somewhere.example:9999", but=slow) as user:
        user.shows("?")
        user.process.send_signal(signal.SIGINT)
        assert user.end() == 130


def test_where_nothing_listens_it_says_so_and_what_to_do() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{held.getsockname()[1]}"
        with Terminal(address) as user:
            assert user.end() == 1
            said = " ".join(user.text.split())
    assert said == (
        f"chatproto-chat: cannot connect to {address}: nothing listens there; look at the address, "
        f"or start a server: chatproto-server --listen {address}"
    )
