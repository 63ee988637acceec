"""One node of a cluster that may be broken, as a process:
`python -m tests.cluster_specimens.node FAULT --node NAME --listen ADDRESS --log HOST:PORT`."""

import argparse
import asyncio
import signal
import sys

from chatproto import Charset, Limits, Replica
from clustered_server import ClusteredServer, server
from clustered_server.engine import Unavailable
from reference_server.addresses import open_listeners
from tests.cluster.broken import FAULTS, NONE
from tests.cluster_specimens.log import LogEngine


async def _serve(options: argparse.Namespace) -> None:
    host, _, port = options.log.rpartition(":")
    listeners = open_listeners([options.listen])
    node = ClusteredServer(options.node, LogEngine(host, int(port)), listeners)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, node.stop)
    try:
        await node.run()
    finally:
        for listener in listeners:
            listener.close()


def main() -> int:
    """0 where it was stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fault", choices=("none", *FAULTS))
    parser.add_argument("--node", required=True)
    parser.add_argument("--listen", required=True)
    parser.add_argument("--log", required=True)
    options = parser.parse_args()
    fault = FAULTS.get(options.fault, NONE)

    def make(name: str, limits: Limits, charset: Charset, heartbeat: float | None) -> Replica:
        if fault.replica is Replica:
            return Replica(name, limits, charset, heartbeat)
        return fault.replica(name, limits)

    vars(server)["Replica"] = make
    try:
        asyncio.run(_serve(options))
    except (Unavailable, server.Ended) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
