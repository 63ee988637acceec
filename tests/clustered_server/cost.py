"""Measure what a clustered room costs: latency, and processor time by process, at a steady rate.

For `chatproto-server` alone and for 1, 2 and 3 nodes over an engine of three servers (R3, synced),
with so many members in all. One line of figures each.
"""

import argparse
import os
import resource
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.clustered_server.engines import Engines, free_ports

TICKS: Final = os.sysconf("SC_CLK_TCK")


def _processor(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _start(command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    deadline = time.monotonic() + 30
    while b"listening on" not in log.read_bytes():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return process


def _measure(ports: Sequence[int], members: int, rate: float, seconds: float) -> list[float]:
    """Speak at a rate from one member of each node; return every 10th member's latencies, in ms."""
    selector = selectors.DefaultSelector()
    sockets = []
    for number in range(members):
        sock = socket.create_connection(("127.0.0.1", ports[number % len(ports)]))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ, number)
        sockets.append(sock)
    time.sleep(1.5)  # all are admitted; nobody has said anything
    latencies: list[float] = []
    began = time.monotonic()
    said = 0
    while (now := time.monotonic()) < began + seconds + 1:
        if now < began + seconds and now >= began + said / rate:
            sockets[said % len(ports)].send(b"%.6f %s\n" % (now, b"x" * 40))
            said += 1
        for key, _ in selector.select(0.002):
            octets = key.fileobj.recv(65_536)  # type: ignore[union-attr]
            if key.data % 10 == 0:
                now = time.monotonic()
                lines = octets.split(b"\n")[1::2]
                latencies += [1000 * (now - float(line.split()[0])) for line in lines if line]
    for sock in sockets:
        sock.close()
    selector.close()
    assert len(latencies) == said * len(range(0, members, 10)), (len(latencies), said)
    return sorted(latencies)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=20, help="lines a second in all")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sys.stdout.write(
        "| servers | p50 ms | p99 ms | processor % a node | processor % the engine |\n"
    )
    with tempfile.TemporaryDirectory() as name, Engines(Path(name), 3) as engines:
        for nodes in (0, 1, 2, 3):
            ports = free_ports(nodes or 1)
            command = [sys.executable, "-m", "clustered_server", "--room", f"cost{nodes}"]
            command += ["--log", engines.urls]
            if not nodes:
                command = [sys.executable, "-m", "reference_server"]
            processes = [
                _start(
                    [*command, "--listen", f"tcp://127.0.0.1:{port}"]
                    + (["--node", f"n{port}"] if nodes else []),
                    Path(name) / f"{nodes}-{port}.log",
                )
                for port in ports
            ]
            pids = [process.pid for process in processes]
            engine_pids = [node.pid for node in engines.nodes]
            before = [sum(map(_processor, each)) for each in (pids, engine_pids)]
            began = time.monotonic()
            found = _measure(ports, options.members, options.rate, options.seconds)
            took = time.monotonic() - began
            after = [sum(map(_processor, each)) for each in (pids, engine_pids)]
            used = [100 * (two - one) / took for one, two in zip(before, after, strict=True)]
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(20)
            sys.stdout.write(
                f"| {nodes or 'chatproto-server'} "
                f"| {found[len(found) // 2]:.1f} | {found[len(found) * 99 // 100]:.1f} "
                f"| {used[0] / len(pids):.0f} | {used[1]:.0f} |\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
