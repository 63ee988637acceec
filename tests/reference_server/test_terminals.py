"""The exercise's own clients: nc and telnet, run at a terminal as its readers run them."""

import shutil

import pytest

from tests.reference_server.peer import Peer
from tests.reference_server.process import ServerProcess, Terminal
from tests.reference_server.test_process import ANY_PORT


@pytest.mark.parametrize("tool", ["nc", "telnet"])
def test_it_is_a_full_client(tool: str) -> None:
    program = shutil.which(tool)
    if program is None:
        pytest.skip(f"{tool} is not installed")
    with ServerProcess(*ANY_PORT) as server:
        other = Peer(server.addresses[0])
        other.fence()
        host, port = server.addresses[0].removeprefix("tcp://").split(":")
        with Terminal(program, host, port) as user:
            user.enter("good 早\n".encode())
            other.read_until("good 早\n".encode())
            # Its own echo: the header line, and the text once more after the terminal's echo.
            user.show_until(f" {host}:".encode())
            other.send(b"to you\n")
            user.show_until(b"to you\r\n")
            user.enter(b"quit\n")
            if tool == "telnet":
                user.show_until(b"Connection closed by foreign host.")
            else:
                user.enter(b"\x04")  # it waits for the end of both streams
            assert user.process.wait(20) == 0
        other.fence()
        assert b"quit" not in other.received
        other.close()
        server.process.terminate()
        assert server.wait() == 0
