"""One server's process: launched on its core, asked for its memory and threads, ended."""

import re
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks.fanout.cores import Cores
from benchmarks.fanout.generator import RunError
from benchmarks.fanout.servers import Ready

PATIENCE: Final = 20.0


class ServerProcess:
    """A server that listens; use it as a context manager."""

    def __init__(self, ready: Ready, cores: Cores, folder: Path) -> None:
        self.port = _free_port()
        command = [part.replace("{port}", str(self.port)) for part in ready.command]
        if ready.server.is_irc:
            _write_settings(folder, self.port)
        self._process = subprocess.Popen(
            cores.pinned(cores.server, command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
        try:
            cores.started(self.pid)
            self._wait()
        except BaseException:
            self._end()
            raise

    @property
    def pid(self) -> int:
        """Its own: what pins it replaces itself by it."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def memory(self) -> int:
        """KiB of it that are in memory."""
        return self._status("VmRSS")

    def threads(self) -> int:
        return self._status("Threads")

    def _status(self, name: str) -> int:
        text = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        found = re.search(rf"^{name}:\s*([0-9]+)", text, re.MULTILINE)
        if found is None:
            raise RunError(f"no {name} of the server's")
        return int(found[1])

    def _wait(self) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RunError(f"the server ended with status {self._process.returncode}")
            if _listens(self.port):
                return
            time.sleep(0.02)
        raise RunError(f"the server does not listen after {PATIENCE:.0f} s")

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()


def _listens(port: int) -> bool:
    """Look, without connecting: a guest would be one more client to serve."""
    wanted = f"0100007F:{port:04X} 00000000:0000 0A"
    return wanted in Path("/proc/net/tcp").read_text(encoding="ascii")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _write_settings(folder: Path, port: int) -> None:
    settings = (folder / "ngircd.conf").read_text(encoding="utf-8")
    (folder / f"ngircd-{port}.conf").write_text(settings.replace("{port}", str(port)))
