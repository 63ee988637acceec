"""What the system allows: raised to the hard limit, and told where it is less than asked."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from reference_server import capacity
from reference_server.capacity import OWN, STACK_SIZE, Limit, limits, make_room
from tests.reference_server.peer import Peer
from tests.reference_server.process import ServerProcess

ANY_PORT = ("--listen", "tcp://127.0.0.1:0")


def test_the_soft_limits_are_raised_and_the_stacks_are_small() -> None:
    script = (
        "import resource, threading; from reference_server.capacity import *;"
        "_, hard = resource.getrlimit(resource.RLIMIT_NOFILE);"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard));"
        "assert make_room(None) == [];"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard);"
        "assert threading.stack_size() == STACK_SIZE"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=20)


def test_a_limit_below_what_was_asked_is_told_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    monkeypatch.setattr("threading.stack_size", lambda _: None)
    monkeypatch.setattr(
        capacity, "limits", lambda **_: iter([Limit("A", 10, "raise A"), Limit("B", 20, "raise B")])
    )
    assert make_room(10) == make_room(None) == []
    assert make_room(11) == [
        "--max-members 11, but A has room for 10: raise A, or ask for fewer",
    ]


def test_every_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {
        resource.RLIMIT_NOFILE: 1000,
        resource.RLIMIT_NPROC: 900,
        resource.RLIMIT_AS: 800 * STACK_SIZE,
    }
    files = {
        "/proc/self/cgroup": "9:cpu,pids:/a\n0::/b\n",
        "/proc/sys/kernel/threads-max": "700\n",
        "/proc/sys/vm/max_map_count": "1200\n",
        "/sys/fs/cgroup/pids/a/pids.max": "500\n",
        "/sys/fs/cgroup/b/pids.max": "max\n",
    }

    def read(path: Path) -> str:
        if str(path) not in files:
            raise FileNotFoundError(path)
        return files[str(path)]

    monkeypatch.setattr(resource, "getrlimit", lambda kind: (0, wanted[kind]))
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(Path, "read_text", read)
    assert {limit.name: limit.members + OWN for limit in limits()} == {
        "RLIMIT_NOFILE": 1000,
        "RLIMIT_NPROC": 900,
        "RLIMIT_AS": 800,
        "/proc/sys/kernel/threads-max": 700,
        "/proc/sys/vm/max_map_count": 600,
        "/sys/fs/cgroup/pids/a/pids.max": 500,
    }
    assert [limit.name for limit in limits(has_threads=False)] == ["RLIMIT_NOFILE"]
    files.clear()
    wanted.update(dict.fromkeys(wanted, resource.RLIM_INFINITY))
    assert list(limits()) == []


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
