"""The exercise as it is usually handed in: a thread a client, a blocking sendall to each member."""

import datetime
import socket
import sys
import threading

clients: dict[tuple[str, int], socket.socket] = {}


def receive(client: socket.socket, address: tuple[str, int]) -> None:
    with client.makefile("r", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            text = line.strip()
            if text == "quit":
                break
            moment = f"{datetime.datetime.now():%Y%m%d %H:%M:%S}"
            message = f"{moment} {address[0]}:{address[1]}\n{text}\n".encode()
            for other in list(clients.values()):
                other.sendall(message)
    del clients[address]
    client.close()


def main(port: int, nodelay: bool) -> None:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen()
    while True:
        client, address = server.accept()
        if nodelay:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        clients[address] = client
        threading.Thread(target=receive, args=(client, address), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), "nodelay" in sys.argv[2:])
