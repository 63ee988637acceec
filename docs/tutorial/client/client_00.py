"""The exercise's client: it says a line, and shows what one read brings. HOST and PORT."""

import socket
import sys


def chat(server: socket.socket) -> None:
    while True:
        server.sendall(input().encode() + b"\n")
        print(server.recv(1024).decode(), end="")


with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    chat(connection)
