"""A server under attack: its process, bystanders and attackers, and the bounds on its resources.

Whatever the attack: the others' words arrive in time meanwhile, every descriptor and thread is
given back afterwards, a second wave raises the memory no further than the first did, and
SIGTERM in its midst ends the server in time with status 0.

What is in time is told by a calm server beside it, with bystanders of its own at the same
moments: what the machine does to both is no fault of the one.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psutil

from tests.attack.bystanders import Bystanders
from tests.reference_server.process import ServerProcess

DEADLINE: Final = 30.0
MIB: Final = 1 << 20
ATTACKERS: Final = (sys.executable, "-m", "tests.attack.attackers")


@dataclass(frozen=True, slots=True)
class Size:
    """How hard the attack is, and what the server must still do.

    `seconds`: how long the bystanders' round trips are measured. A `share` of them must take at
    most `trip` seconds more than before the attack. `stop`: the seconds that a stop may take.
    """

    full: bool
    seconds: float
    share: float
    trip: float
    stop: float

    def of(self, full: int, slice_: int) -> int:
        return full if self.full else slice_


FULL: Final = Size(full=True, seconds=10.0, share=0.99, trip=0.05, stop=3.0)
SLICE: Final = Size(full=False, seconds=0.5, share=0.5, trip=0.5, stop=10.0)


class Chat:
    """A server with two bystanders who chat there."""

    def __init__(self, *options: str) -> None:
        self.server = ServerProcess("--listen", "tcp://127.0.0.1:0", *options)
        self.process = psutil.Process(self.server.process.pid)
        self.host, self.port = self.server.addresses[0].removeprefix("tcp://").split(":")
        try:
            self.bystanders = Bystanders(self.host, int(self.port))
        except BaseException:
            self.server.__exit__(None, None, None)
            raise

    def close(self) -> None:
        self.server.__exit__(None, None, None)
        self.bystanders.close()


class Siege(Chat):
    """One server under attack. What it holds at the start is what it must hold afterwards."""

    def __init__(self, size: Size, calm: Chat, *options: str) -> None:
        super().__init__(*options)
        self.size = size
        self._calm = calm
        self._attackers: list[subprocess.Popen[str]] = []
        self._descriptors = self.process.num_fds()
        self._threads = self.process.num_threads()
        self._memory = self.memory()

    def memory(self) -> int:
        """Octets of memory that are this process's alone."""
        return int(self.process.memory_full_info().uss)

    def spent(self) -> float:
        """Return the processor seconds that it has used, by its own clock: /proc counts in coarse
        ticks."""
        return time.clock_gettime(~self.process.pid << 3 | 2)

    @contextmanager
    def under(self, attack: str, number: int) -> Iterator[None]:
        """While in this context, the attack goes on."""
        attacker = subprocess.Popen(
            [*ATTACKERS, attack, self.host, self.port, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._attackers.append(attacker)
        assert attacker.stdout is not None
        assert attacker.stdout.readline() == "engaged\n"
        began = time.monotonic()
        yield
        done, _ = attacker.communicate(timeout=DEADLINE)
        self.tell(f"{attack} {number}: {int(done) / (time.monotonic() - began):.0f} a second")

    def chats(self, seconds: float | None = None) -> None:
        """Check that the bystanders still talk, and receive their words in time."""
        calm = self._calm.bystanders.trips()
        trips = self.bystanders.trips()
        self.bystanders.listen(seconds or self.size.seconds)
        self.tell(f"{trips}; calm: {calm}")
        share = self.size.share
        assert trips.share(share) < calm.share(share) + self.size.trip

    def recovers(self) -> None:
        """Check that every descriptor and thread was given back."""
        self.eventually(lambda: self.process.num_fds() == self._descriptors)
        self.eventually(lambda: self.process.num_threads() == self._threads)

    def stops(self) -> None:
        """Check that SIGTERM ends it in time, with status 0."""
        began = time.monotonic()
        self.server.process.terminate()
        status = self.server.process.wait(DEADLINE)
        took = time.monotonic() - began
        self.tell(f"stopped in {took:.2f} s")
        assert self.server.wait() == status == 0
        assert took < self.size.stop

    def withstands(self, attack: str, number: int, seconds: float | None = None) -> None:
        """Run the attack, the recovery, a second attack, and a stop during that."""
        with self.under(attack, number):
            self.chats(seconds)
        self.recovers()
        after = self.memory()
        with self.under(attack, number):
            self.bystanders.listen(self.size.seconds / 2)
            high = self.memory()
        self.recovers()
        again = self.memory()
        self.tell(
            "MiB before, after, in and after the second wave: "
            + " ".join(f"{octets / MIB:.1f}" for octets in (self._memory, after, high, again))
        )
        assert after < self._memory + 48 * MIB
        assert again < after + 8 * MIB
        with self.under(attack, number):
            self.stops()

    def eventually(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def tell(self, what: str) -> None:
        print(what)  # noqa: T201  # figures, shown by pytest -s or -rP

    def close(self) -> None:
        for attacker in self._attackers:
            attacker.kill()
            attacker.communicate()
        super().close()
