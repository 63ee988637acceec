"""The load generator, from Python: building it, running it, and what it says."""

import json
import subprocess
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks.fanout.cores import Cores
from benchmarks.fanout.workloads import Workload

SOURCES: Final = Path(__file__).parent / "generator"
C_OPTIONS: Final = ("-std=gnu11", "-O3", "-march=native", "-Wall", "-Wextra", "-Wconversion")
LIMIT: Final = 90.0
"""Seconds one run may take in all: joining, warming up, measuring, and delivering the rest."""


class RunError(Exception):
    """A run that gave no figures, and why."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the generator says of a run; see `generator/report.c`."""

    deliveries: int
    messages: int
    seconds: float
    generator_cpu: float
    server_cpu: float
    server_core_busy: float
    generator_core_busy: float
    stolen: float
    lost: int
    doubled: int
    disordered: int
    wrong: int
    uneven: int
    closed: int
    orders_differ: bool
    evidence: str
    accepted_s: float
    latencies: int
    p50_us: float
    p99_us: float
    p999_us: float

    @property
    def void(self) -> str:
        """Why nothing that was measured counts; empty where all does."""
        faults = {
            "lost": self.lost,
            "doubled": self.doubled,
            "disordered": self.disordered,
            "wrong octets": self.wrong,
            "members with other octets": self.uneven,
            "members closed": self.closed,
        }
        found = ", ".join(f"{number:,} {fault}" for fault, number in faults.items() if number)
        return f"{found} ({self.evidence})" if self.evidence else found

    @property
    def disturbance(self) -> float:
        """The part of the time that others had the server's or the generator's core."""
        others = max(
            self.server_core_busy - self.server_cpu, self.generator_core_busy - self.generator_cpu
        )
        return max(0.0, others + self.stolen) / self.seconds

    @property
    def generator_share(self) -> float:
        """The part of the time that the generator was at work."""
        return self.generator_cpu / self.seconds


def build(compiler: str, folder: Path) -> Path:
    """Compile the generator for this very machine."""
    program = folder / "load"
    sources = sorted(map(str, SOURCES.glob("*.c")))
    subprocess.run([compiler, *C_OPTIONS, "-o", str(program), *sources], check=True)
    return program


class Generator:
    """One run. An idle one waits, its members joined, until `go_on`."""

    def __init__(
        self, program: Path, workload: Workload, port: int, server: int, irc: bool, cores: Cores
    ) -> None:
        options: dict[str, object] = {
            "port": port,
            "members": workload.members,
            "senders": workload.senders,
            "window": workload.window,
            "text": workload.text,
            "stalled": workload.stalled,
            "warm": workload.warm,
            "seconds": workload.seconds,
            "rate": workload.rate,
            "server": server,
            "server-core": cores.server,
            "generator-core": cores.generator,
        }
        command = [str(program)]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        command += ["--idle"] * workload.is_idle + ["--irc"] * irc
        self._process = subprocess.Popen(
            cores.pinned(cores.generator, command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        cores.started(self._process.pid)
        self._is_idle = workload.is_idle

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def figures(self) -> Load:
        """Wait for what it measured."""
        assert self._process.stdout is not None
        if self._is_idle:
            line = self._process.stdout.readline()
            complaint = "" if line else self._end()
        else:
            line, complaint = self._communicate()
        if not line:
            raise RunError(complaint.strip().removeprefix("load: ") or "the generator said nothing")
        said = json.loads(line)
        return Load(**{field.name: said[field.name] for field in fields(Load)})

    def _communicate(self) -> tuple[str, str]:
        try:
            return self._process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            raise RunError(f"not over after {LIMIT:.0f} s") from None

    def _end(self) -> str:
        return self._communicate()[1]
