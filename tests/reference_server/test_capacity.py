"""What the system allows: raised to the hard limit, and told where it is less than asked."""

import resource
import subprocess
import sys

import pytest

from reference_server.capacity import OWN, make_room, most_members
from tests.reference_server.peer import Peer
from tests.reference_server.process import ServerProcess

ANY_PORT = ("--listen", "tcp://127.0.0.1:0")


def test_the_soft_limit_is_raised() -> None:
    script = (
        "import resource; from reference_server.capacity import *;"
        "_, hard = resource.getrlimit(resource.RLIMIT_NOFILE);"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard));"
        "assert make_room(None) is None;"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=20)


def test_a_limit_below_what_was_asked_is_told_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (5, OWN + 10))
    assert make_room(10) is None
    assert make_room(None) is None
    assert (make_room(11) or "").startswith("--max-members 11, but RLIMIT_NOFILE has room for 10: ")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (5, resource.RLIM_INFINITY))
    assert most_members() is None
    assert make_room(11) is None


def test_the_process_tells_and_serves_all_the_same() -> None:
    with ServerProcess(*ANY_PORT, "--max-members", "100000000") as server:
        told = "".join(server.log)
        assert "--max-members 100000000, but RLIMIT_NOFILE has room for " in told
        assert "or LimitNOFILE= of a systemd unit), or ask for fewer\n" in told
        peer = Peer(server.addresses[0])
        peer.fence()
        peer.close()
        server.process.terminate()
        assert server.wait() == 0
