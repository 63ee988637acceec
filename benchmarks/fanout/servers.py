"""The servers to measure: what each needs to run here, and how it is launched."""

import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from benchmarks.fanout.generator import C_OPTIONS

PEERS: Final = Path(__file__).parent / "peers"
REFERENCE: Final = "reference"
LIMIT: Final = "c-log"
"""No peer: the reference server's own design in C, which shows how much the design allows."""
LEAST: Final = "least"
"""No peer: its system calls alone, from Python, which show what they leave for a protocol."""


class MissingError(Exception):
    """What a server needs and this machine has not."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server by its name in the table. `prepare` builds it and gives the launching command.

    `only`: the workloads that it takes part in; None: all.
    """

    name: str
    title: str
    prepare: Callable[[Path], list[str]]
    only: frozenset[str] | None = None
    is_irc: bool = False

    def takes(self, workload: str, group: str) -> bool:
        return self.only is None or workload in self.only or group in self.only


@dataclass(frozen=True, slots=True)
class Ready:
    """A server that can be launched here: `{port}` in the command is still to be filled in."""

    server: Server
    command: list[str]
    version: str


def prepare(server: Server, folder: Path) -> Ready:
    """Build what has to be built; `MissingError` tells what is wanting."""
    command = server.prepare(folder)
    return Ready(server, command, _version(server.name))


def reference_under(interpreter: str, version: str) -> Server:
    """The reference server under another interpreter than this one; it takes no packages."""
    return Server(f"{REFERENCE}@{version}", f"under CPython {version}", _reference(interpreter))


def identity(interpreter: str) -> str:
    """An interpreter's version, with a `t` where it has no GIL, as in such interpreters' names."""
    code = (
        "import sys, sysconfig; print(sys.version.split()[0]"
        " + 't' * bool(sysconfig.get_config_var('Py_GIL_DISABLED')))"
    )
    try:
        done = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=True)
    # What stands on the PATH for a version that is not there fails, too.
    except (OSError, subprocess.CalledProcessError) as error:
        raise MissingError(f"{interpreter}, which does not run here") from error
    return done.stdout.strip()


def _reference(interpreter: str) -> Callable[[Path], list[str]]:
    return lambda _: [
        interpreter, "-m", "reference_server", "--listen", "tcp://127.0.0.1:{port}",
        "--heartbeat", "0", "--log-level", "error",
    ]  # fmt: skip


def _peer(module: str, *arguments: str, wants: str = "") -> Callable[[Path], list[str]]:
    def check(_: Path) -> list[str]:
        if wants and find_spec(wants) is None:
            raise MissingError(f"the package {wants}")
        path = f"benchmarks.fanout.peers.{module}"
        return [sys.executable, "-m", path, "{port}", *arguments]

    return check


def _node(_: Path) -> list[str]:
    return [_found("node"), str(PEERS / "net.mjs"), "{port}"]


def _go(*arguments: str) -> Callable[[Path], list[str]]:
    def build(folder: Path) -> list[str]:
        program = folder / "go-chat"
        if not program.exists():
            _run(
                [_found("go"), "build", "-o", str(program), str(PEERS / "go" / "main.go")],
                {"GO111MODULE": "off", "GOCACHE": str(folder / "go-cache"), "GOFLAGS": ""},
            )
        return [str(program), "{port}", *arguments]

    return build


def _c_log(folder: Path) -> list[str]:
    program = folder / "c-log"
    compiler = shutil.which("cc") or _found("gcc")
    source = PEERS / "c" / "log.c"
    _run([compiler, *C_OPTIONS, "-o", str(program), str(source)])
    return [str(program), "{port}"]


def _rust(folder: Path) -> list[str]:
    program = folder / "rust-chat"
    source = PEERS / "rust" / "main.rs"
    _run(
        [_found("rustc"), "--edition", "2021", "-C", "opt-level=3", "-o", str(program), str(source)]
    )
    return [str(program), "{port}"]


def _ngircd(folder: Path) -> list[str]:
    program = _found("ngircd")
    settings = (PEERS / "ngircd.conf").read_text(encoding="utf-8")
    nobody = any(user.pw_name == "nobody" for user in pwd.getpwall())
    (folder / "ngircd.conf").write_text(
        settings.replace("{user}", "ServerUID = nobody" if nobody else "")
    )
    return [program, "--nodaemon", "--config", str(folder / "ngircd-{port}.conf")]


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise MissingError(f"{program}, which is not installed")
    return path


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, env={**os.environ, **(environment or {})}, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise MissingError(f"a {Path(command[0]).name} that builds it: {done.stderr.strip()[:200]}")


def _version(name: str) -> str:
    commands = {
        "node": ["node", "--version"],
        "go": ["go", "version"],
        "go-gather": ["go", "version"],
        LIMIT: [shutil.which("cc") or "gcc", "--version"],
        "rust": ["rustc", "--version"],
        "ngircd": ["ngircd", "--version"],
        "twisted": [sys.executable, "-c", "import twisted; print(twisted.__version__)"],
        "uvloop": [sys.executable, "-c", "import uvloop; print(uvloop.__version__)"],
    }
    if name not in commands:
        return f"CPython {name.partition('@')[2] or sys.version.split()[0]}"
    said = subprocess.run(commands[name], capture_output=True, text=True, check=False).stdout
    number = re.search(r"[0-9]+(\.[0-9]+)+", said)
    return number[0] if number else "unknown"


FEW: Final = frozenset({"W1", "W2", "W3", "W4"})
BUSY: Final = FEW | {"W5"}
SHORT: Final = frozenset({"W1", "W3", "W7"})
"""Where a protocol counts, since messages are short, and nobody has to be sent to in time."""

SERVERS: Final = (
    Server(REFERENCE, "chatproto's reference server", _reference(sys.executable)),
    Server("go-gather", "Go, all that waits in one write", _go("gather")),
    Server("go", "Go, a write a message", _go()),
    Server(LIMIT, "a log in C, one thread", _c_log),
    Server(LEAST, "its calls without its protocol", _peer("least_loop"), SHORT),
    Server("rust", "Rust, two threads a client", _rust),
    Server("uvloop", "uvloop, protocols", _peer("asyncio_protocol", "uvloop", wants="uvloop")),
    Server("node", "Node, net", _node, BUSY),
    Server("twisted", "Twisted", _peer("twisted_lines", wants="twisted"), BUSY),
    Server("ngircd", "ngIRCd", _ngircd, frozenset({"W1", "W3", "W4"}), is_irc=True),
    Server("asyncio-protocol", "asyncio, protocols", _peer("asyncio_protocol"), BUSY),
    Server("asyncio-streams", "asyncio, streams", _peer("asyncio_streams"), FEW),
    Server("naive-nodelay", "the exercise, TCP_NODELAY", _peer("naive_threads", "nodelay"), FEW),
    Server("naive", "the exercise", _peer("naive_threads"), FEW),
)
PEER_NAMES: Final = frozenset(each.name for each in SERVERS) - {REFERENCE, LIMIT, LEAST}
