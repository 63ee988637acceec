"""A generated program as a plain Python script, to attach to a bug report."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from chatproto import QuitReceived, ServerConnection, Violation, __version__
from conformance.programs.program import (
    Fence,
    HalfClose,
    Join,
    Pause,
    Program,
    ResetStep,
    Resume,
    Send,
    Stall,
    Step,
)
from conformance.report.model import FindingReport
from conformance.report.octets import visible
from conformance.standard.constants import MAX_LINE_LIMIT
from conformance.standard.requirements import requirements
from conformance.transcript.compression import write_octets

_STEM: Final = "n000000"

_HEAD: Final = '''\
#!/usr/bin/env python3
"""{title}

Run it against the server, and compare what each client received with what it should have:

    python {name} HOST PORT

Made by chatproto-conformance {version}; it needs nothing but Python 3.
"""

import socket
import struct
import sys
import threading
import time


class Client:
    """A connection, which a thread reads unless the client is stalled."""

    def __init__(self, name, address):
        self.name, self.received, self.end = name, b"", None
        self.left = self.known = False
        self.may_read = threading.Event()
        self.may_read.set()
        self.socket = socket.create_connection(address, timeout=5)
        self.socket.settimeout(0.05)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while self.end is None:
            self.may_read.wait()
            try:
                octets = self.socket.recv(65536)
            except TimeoutError:
                continue
            except OSError as error:
                self.end = f"{{error}}"
            else:
                self.received += octets
                if not octets:
                    self.end = "end of stream"

    def send(self, octets):
        try:
            self.socket.sendall(octets)
        except OSError as error:
            print(f"{{self.name}} could not send: {{error}}")

    def half_close(self):
        self.left = True
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            print(f"{{self.name}} could not half-close: {{error}}")

    def reset(self):
        self.left = True
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def wait(condition, what):
    """Wait up to 3 s for a condition; print a message if it does not hold by then."""
    end = time.monotonic() + 3
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)
    if not condition():
        print(f"waited 3 s in vain: {{what}}")


def converse(clients, words=iter(range(1, 1000000))):
    """Let each of these clients send a word, and wait until all have received all words."""
    said = [b"fence%d" % next(words) for _ in clients]
    for client, word in zip(clients, said):
        client.known = True
        client.send(word + b"\\n")
    for client in clients:
        for word in said:
            wait(lambda: word in client.received or client.end, f"{{client.name}}, {{word}}")


def fence(clients):
    """Let all clients that read hear each other; each must have heard itself before."""
    present = [client for client in clients if client.end is None and not client.left]
    chatting = [client for client in present if client.may_read.is_set()]
    for client in chatting:
        if not client.known:
            converse([client])
    converse(chatting)


def main(host, port):
    clients = []

    def join(name):
        clients.append(Client(name, (host, int(port))))
        return clients[-1]

'''

_TAIL: Final = """\
    for client in clients:
        client.may_read.set()
    fence(clients)
    time.sleep(0.5)
    for client in clients:
        print(f"{client.name} received, and then {client.end or 'nothing more'}:")
        for line in client.received.splitlines(keepends=True):
            print(f"    {line if len(line) < 200 else line[:100] + b'...' + line[-20:]}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
"""


def write_script(program: Program, name: str, finding: FindingReport | None = None) -> str:
    """Write the script. `finding` is what the program showed, if it was played."""
    head = _HEAD.format(title=_title(program, finding), name=name, version=__version__)
    return head + "".join(f"    {line}\n" for line in _steps(program)) + _TAIL


def _steps(program: Program) -> Iterator[str]:
    """Yield the lines of the steps. A client that leaves by what it sends is marked as left."""
    said = defaultdict[str, ServerConnection](lambda: ServerConnection(MAX_LINE_LIMIT))
    for step in program.with_nonces(_STEM).steps:
        yield _step(step)
        if isinstance(step, Send):
            events = said[step.client].receive(step.octets)
            if any(isinstance(one, QuitReceived | Violation) for one in events):
                yield f"{step.client}.left = True"


def _title(program: Program, finding: FindingReport | None) -> str:
    requirement = requirements().get(program.requirement or "")
    if requirement is None:
        return "What some clients of a chatproto/1 server do."
    parts = [f"{requirement.id} {requirement.level}: {requirement.title}."]
    if finding is not None:
        parts += [f"Expected: {finding.expected}", f"Actual:   {finding.actual}"]
    return visible("\n\n".join(parts)).replace("\\", "\\\\").replace('"""', "'''")


def _step(step: Step) -> str:
    match step:
        case Join(client=name):
            return f'{name} = join("{name}")'
        case Send(client=name, octets=octets):
            return f"{name}.send({_expression(octets)})"
        case HalfClose(client=name):
            return f"{name}.half_close()"
        case ResetStep(client=name):
            return f"{name}.reset()"
        case Stall(client=name):
            return f"{name}.may_read.clear()"
        case Resume(client=name):
            return f"{name}.may_read.set()"
        case Pause(seconds=seconds):
            return f"time.sleep({seconds:g})"
        case Fence():
            return "fence(clients)"


def _expression(octets: bytes) -> str:
    """Write octets as a Python expression, with repetitions as products."""
    written = write_octets(octets)
    pieces = [written] if isinstance(written, str) else written
    terms = []
    for piece in pieces:
        match piece:
            case str():
                terms.append(repr(piece.encode("latin-1")))
            case (text, times):
                terms.append(f"{text.encode('latin-1')!r} * {times}")
            case _:
                raise AssertionError("these octets are compressed without earlier ones")
    return " + ".join(terms) or "b''"
