"""A chat server that answers as it should once, and from then on does what it was asked to, and
makes a file when that begins, if it was given its name: `python hostile.py HOW PORT [FILE]`."""

import itertools
import os
import socket
import sys
import threading
import time
from pathlib import Path

HOW, PORT = sys.argv[1], int(sys.argv[2])
BEGUN = [Path(name) for name in sys.argv[3:]]
members: list[socket.socket] = []
lock = threading.Lock()


def serve(connection: socket.socket, peer: tuple[str, int]) -> None:
    header = time.strftime(f"%Y%m%d %H:%M:%S {peer[0]}:{peer[1]}\n", time.gmtime()).encode()
    for said, line in enumerate(connection.makefile("rb")):
        unit = header + line
        for mark in BEGUN if said else ():
            mark.touch()
        while said and HOW == "floods":
            connection.sendall(unit * 100)
        while said and HOW == "sends garbage":
            connection.sendall(bytes(65_536))
        while said and HOW == "repeats itself":
            connection.sendall(unit)
            time.sleep(0.2)
        while said and HOW == "reads no more":
            time.sleep(3600)
        with lock:
            for member in [connection] if HOW == "tells its sender alone" else members:
                member.sendall(unit)
    if HOW == "dies when one leaves":
        os._exit(1)
    if HOW == "dies at the fifth":
        with lock:
            members.remove(connection)
        connection.shutdown(socket.SHUT_WR)


with socket.create_server(("127.0.0.1", PORT), backlog=256) as listener:
    for number in itertools.count(1):
        connection, peer = listener.accept()
        if HOW == "dies at the fifth" and number == 5:
            os._exit(1)
        with lock:
            members.append(connection)
        threading.Thread(target=serve, args=(connection, peer), daemon=True).start()
