"""A member whose host is gone without a word: heartbeats, or TCP's keepalive, find it (HB-2).

Server and member live in network namespaces of their own. The member's host loses its address,
so that whatever it is sent is lost without an answer; the kernel's patience is cut to seconds.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attack.siege import ATTACKERS
from tests.reference_server.peer import Peer, eventually
from tests.reference_server.process import ServerProcess

PATIENCE = {
    "tcp_retries2": 2,
    "tcp_keepalive_time": 1,
    "tcp_keepalive_intvl": 1,
    "tcp_keepalive_probes": 1,
}


Hosts = tuple[str, str]


def ip(*arguments: str) -> None:
    command = shutil.which("ip") or "ip"
    subprocess.run([command, *arguments], check=True, capture_output=True, timeout=20)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    """Two namespaces, 10.77.0.1 and 10.77.0.2, that know each other's hardware address."""
    if shutil.which("ip") is None or os.getuid() != 0:
        pytest.skip("network namespaces need ip and root; the schedules simulate it")
    hosts = here, there = f"ct{os.getpid()}a", f"ct{os.getpid()}b"
    try:
        _set_up(here, there)
        yield hosts
    except (subprocess.CalledProcessError, OSError) as error:
        pytest.skip(f"no network namespaces here: {error}")
    finally:
        for host in hosts:
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "del", host)


def _set_up(*hosts: str) -> None:
    here, there = hosts
    for host in hosts:
        ip("netns", "add", host)
    ip("link", "add", here, "netns", here, "type", "veth", "peer", "name", there, "netns", there)
    for number, host in enumerate(hosts, 1):
        other = 3 - number
        ip("-n", host, "link", "set", host, "address", f"02:00:00:00:00:0{number}", "up")
        ip("-n", host, "addr", "add", f"10.77.0.{number}/24", "dev", host)
        ip(
            *("-n", host, "neigh", "add", f"10.77.0.{other}", "dev", host),
            *("lladdr", f"02:00:00:00:00:0{other}", "nud", "permanent"),
        )
    settings = "; ".join(f"echo {n} > /proc/sys/net/ipv4/{name}" for name, n in PATIENCE.items())
    ip("netns", "exec", here, "sh", "-ec", settings)


@pytest.mark.parametrize("heartbeat", ["0.2", "0"])
def test_a_member_whose_host_vanished_is_found(
    hosts: Hosts, tmp_path: Path, heartbeat: str
) -> None:
    here, there = hosts
    listen = ("--listen", "tcp://10.77.0.1:7777", "--listen", f"unix:{tmp_path}/chat")
    options = (*listen, "--heartbeat", heartbeat)
    within = ("ip", "netns", "exec")
    with ServerProcess(*options, listeners=2, within=(*within, here)) as server:
        ann = Peer(server.addresses[1])
        with subprocess.Popen(
            [*within, there, *ATTACKERS, "hold", "10.77.0.1", "7777", "1"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as bob:
            eventually(lambda: any("10.77.0.2" in line for line in server.log))
            ip("-n", there, "addr", "flush", "dev", there)
            eventually(lambda: "left: lost: Connection timed out" in server.log[-1])
            ann.fence()
            bob.kill()
        ann.close()
        server.process.terminate()
        assert server.wait() == 0
