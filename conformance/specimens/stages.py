"""The exercise's own stages, on blocking sockets and threads, with the faults they had."""

import datetime
import socket
import sys
import threading
from typing import TextIO

from conformance.specimens.registry import ALL, fault

HOST = "127.0.0.1"


@fault(
    "TRN-2",
    "stage 0: greets two clients, one after the other, in GBK, and is done",
    may_break=ALL,
)
class S0:
    def __init__(self, port: int) -> None:
        self.port = port

    def serve(self) -> int:
        server = socket.socket()
        server.bind((HOST, self.port))
        server.listen()
        first, address = server.accept()
        self.greet(first, address)
        second, address = server.accept()
        self.greet(second, address)
        server.close()
        return 0

    def greet(self, client: socket.socket, address: tuple[str, int]) -> None:
        text = client.recv(1024).decode("gbk")
        client.send(f"hello {address[0]}:{address[1]}, you said {text.strip()}".encode("gbk"))


@fault(
    "FRM-1 QUIT-5",
    "stage 2: a thread each, one recv is one message, in GBK, and nobody leaves",
    may_break=ALL,
)
class S2:
    def __init__(self, port: int) -> None:
        self.port = port
        self.sock = socket.socket()
        self.clients: dict[tuple[str, int], socket.socket] = {}
        self.event = threading.Event()

    def serve(self) -> int:
        self.start()
        threading.Event().wait()
        return 0

    def start(self) -> None:
        self.sock.bind((HOST, self.port))
        self.sock.listen()
        threading.Thread(target=self.accept, name="accept").start()

    def accept(self) -> None:
        while not self.event.is_set():
            client, address = self.sock.accept()
            self.clients[address] = client
            threading.Thread(target=self.recv, args=(client, address), name="recv").start()

    def recv(self, client: socket.socket, address: tuple[str, int]) -> None:
        while not self.event.is_set():
            text = client.recv(1024).decode("gbk")
            self.send_to_all(f"{self.header(address)}\n{text}\n ".encode())

    def header(self, address: tuple[str, int]) -> str:
        return f"{datetime.datetime.now():%Y%m%d %H:%M:%S} {address[0]}:{address[1]}"

    def send_to_all(self, message: bytes) -> None:
        for other in self.clients.values():
            other.send(message)


@fault(
    "QUIT-5",
    "stage 3: stage 2 with a `quit` on the console that never gets past the blocked accept",
    may_break=ALL,
)
class S3(S2):
    def serve(self) -> int:
        self.start()
        for command in sys.stdin:
            if command.strip() == "quit":
                self.stop()
                return 0
        threading.Event().wait()
        return 0

    def stop(self) -> None:
        self.event.set()
        for client in self.clients.values():
            client.close()
        self.sock.close()


@fault(
    "FRM-1",
    "stage 4: stage 3, trimmed, and `quit` leaves where it is alone in its read",
    may_break=ALL,
)
class S4(S3):
    def recv(self, client: socket.socket, address: tuple[str, int]) -> None:
        while not self.event.is_set():
            text = client.recv(1024).decode("gbk").strip()
            if text == "quit":
                self.clients.pop(address)
                client.close()
                break
            self.send_to_all(f"{self.header(address)}\n{text}\n".encode())


@fault(
    "QUIT-5 ROOM-2",
    "stage 5: one text file for reading and writing, which drops what it had read ahead",
    may_break=ALL,
)
class S5:
    def __init__(self, port: int) -> None:
        self.port = port
        self.sock = socket.socket()
        self.clients: dict[tuple[str, int], TextIO] = {}
        self.event = threading.Event()

    def serve(self) -> int:
        self.sock.bind((HOST, self.port))
        self.sock.listen()
        threading.Thread(target=self.accept, name="accept").start()
        for command in sys.stdin:
            if command.strip() == "quit":
                self.stop()
                return 0
        threading.Event().wait()
        return 0

    def accept(self) -> None:
        while not self.event.is_set():
            client, address = self.sock.accept()
            file = client.makefile("rw")
            self.clients[address] = file
            threading.Thread(target=self.recv, args=(file, address), name="recv").start()

    def recv(self, file: TextIO, address: tuple[str, int]) -> None:
        while not self.event.is_set():
            line = self.read_line(file).strip()
            if line == "quit":
                self.clients.pop(address)
                file.close()
                break
            moment = f"{datetime.datetime.now():%Y%m%d %H:%M:%S}"
            message = f"{moment} {address[0]}:{address[1]}\n{line}\n"
            for other in self.clients.values():
                other.write(message)
                other.flush()

    def read_line(self, file: TextIO) -> str:
        return file.readline()

    def stop(self) -> None:
        self.event.set()
        for file in self.clients.values():
            file.close()
        self.sock.close()


@fault(
    "FRM-1 QUIT-5",
    "stage 6: stage 5, and whatever goes wrong in reading a line counts as `quit`",
    may_break=ALL,
)
class S6(S5):
    def read_line(self, file: TextIO) -> str:
        try:
            return file.readline()
        except Exception:  # this is the stage's fault
            return "quit"
