"""Real engines for tests and the demo: nats-server processes, each with a directory of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

DEADLINE: Final = 30.0


def find() -> str | None:
    """Find the engine: the one that NATS_SERVER names, else the wheel's beside this Python, else
    the one on PATH."""
    named = os.environ.get("NATS_SERVER")
    beside = Path(sys.executable).parent / "nats-server"
    return named or (str(beside) if beside.exists() else shutil.which("nats-server"))


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 on which nobody listens now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class EngineNode:
    """One nats-server with JetStream. `start` it again after `kill`: it keeps its directory.

    `ports`: for clients, for other nodes, for its monitor; -1 for any, as `has_ports` finds out.
    """

    def __init__(self, name: str, directory: Path, ports: tuple[int, int, int], extra: str) -> None:
        self.name = name
        self.client_port, self.route_port, self.monitor_port = ports
        self._directory = directory / name
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.client_port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, routes: Sequence[int]) -> None:
        """Start it; as part of a cluster if there are routes to others."""
        self._directory.mkdir(parents=True, exist_ok=True)
        config = self._directory / "server.conf"
        text = f"""
            server_name: {self.name}
            listen: 127.0.0.1:{self.client_port}
            http: 127.0.0.1:{self.monitor_port}
            ports_file_dir: "{self._directory}"
            jetstream {{ store_dir: "{self._directory}", sync_interval: always }}
            {self._extra}
        """
        if len(routes) > 1:
            urls = ", ".join(f"nats://127.0.0.1:{port}" for port in routes)
            text += f"""
            cluster {{ name: engine, listen: 127.0.0.1:{self.route_port}, routes: [{urls}] }}
            """
        config.write_text(text)
        executable = find()
        assert executable is not None
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [executable, "-c", str(config)], stdout=log, stderr=log, start_new_session=True
            )

    def has_ports(self) -> bool:
        """Whether its ports are known: it writes down which ones it has taken."""
        if self.client_port > 0:
            return True
        try:
            [path] = self._directory.glob(f"*_{self.pid}.ports")
            text = path.read_text()
            taken = {
                kind: int(urls[0].rpartition(":")[2]) for kind, urls in json.loads(text).items()
            }
        except (OSError, ValueError):  # not yet, or not all of it
            return False
        self.client_port, self.monitor_port = taken["nats"], taken["monitoring"]
        return True

    def log(self) -> str:
        return (self._directory / "log").read_text(errors="replace")

    def signal(self, number: int) -> None:
        """Send it a signal; SIGSTOP pauses it, SIGCONT lets it go on."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once, as a power cut would, except for what the system has not yet written."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def ask(self, path: str) -> dict[str, Any]:
        """Ask its monitoring port; empty if it does not answer."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.monitor_port}/{path}", timeout=2
            ) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (OSError, urllib.error.URLError, ValueError):
            return {}


class Engines:
    """A number of engine nodes that keep each stream on all of them; ready once entered."""

    def __init__(self, directory: Path, count: int = 1, extra: str = "") -> None:
        # A single one takes any port; several have to know each other's ports before they start.
        ports = iter(free_ports(3 * count) if count > 1 else (-1, -1, -1))
        self.nodes = [
            EngineNode(f"n{number}", directory, (next(ports), next(ports), next(ports)), extra)
            for number in range(1, count + 1)
        ]

    @property
    def urls(self) -> str:
        """Return the value for a node's `--log`."""
        return ",".join(node.url for node in self.nodes)

    def start(self, node: EngineNode) -> None:
        node.start([each.route_port for each in self.nodes] if len(self.nodes) > 1 else [])

    def wait_until_ready(self) -> None:
        """Return when all that run agree on a leader and are up to date."""
        deadline = time.monotonic() + DEADLINE
        while not all(self._is_ready(node) for node in self.nodes if node.is_running):
            if time.monotonic() > deadline:
                raise TimeoutError("\n".join(node.log()[-2000:] for node in self.nodes))
            time.sleep(0.1)

    def leader(self, stream: str) -> EngineNode | None:
        """Return the node that leads a stream now."""
        for node in self.nodes:
            found = node.ask("jsz?streams=true") if node.is_running else {}
            for account in found.get("account_details", []):
                for detail in account.get("stream_detail", []):
                    if detail["name"] == stream:
                        name = detail.get("cluster", {}).get("leader", node.name)
                        return next((each for each in self.nodes if each.name == name), None)
        return None

    def _is_ready(self, node: EngineNode) -> bool:
        if not node.has_ports():
            return False
        if len(self.nodes) == 1:
            return node.ask("healthz").get("status") == "ok"
        meta = node.ask("jsz").get("meta_cluster", {})
        return bool(meta.get("leader")) and node.ask("healthz").get("status") == "ok"

    def __enter__(self) -> Self:
        try:
            for node in self.nodes:
                self.start(node)
            self.wait_until_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for node in self.nodes:
            node.kill()
