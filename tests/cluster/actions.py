"""What may happen in a simulated cluster: usually, and when it goes wrong.

Each action draws what it does, if anything, from the cluster's random generator.
"""

from collections.abc import Callable
from typing import Final

from conformance.transcript.events import Aborted, Connected, HalfClosed
from tests.cluster.cluster import Client, Cluster
from tests.cluster.history import End, History

CLIENTS: Final = 10
"""Clients that connect in one run at most."""

Action = Callable[[Cluster], None]


# What usually happens


def client_connects(cluster: Cluster) -> None:
    nodes = [node for node in cluster.nodes if not node.is_dead]
    is_due = len(cluster.clients) < CLIENTS and cluster.random.random() < 0.2
    if is_due and nodes:
        node = cluster.random.choice(nodes)
        history = History("", cluster.step)
        number = node.replica.knock()
        client = Client(len(cluster.clients), node, number, history)
        cluster.clients.append(client)
        cluster.tell(Connected(cluster.t, client.name, None))


def client_speaks(cluster: Cluster) -> None:
    client = cluster.some_client()
    if client is not None and client.is_open and client.member is not None:
        for _ in range(cluster.random.randint(1, 3)):
            cluster.say(client)


def client_leaves(cluster: Cluster) -> None:
    client = cluster.some_client()
    is_due = cluster.random.random() < 0.2
    if client is None or not client.is_open or client.member is None or not is_due:
        return
    if cluster.random.random() < 0.5:
        cluster.say(client)
    match cluster.random.choice(("quit", "half-close", "violation", "reset", "stay")):
        case "quit":
            cluster.send(client, b"quit\nignored\n")
        case "violation":
            cluster.send(client, b"\xff\nignored\n")
        case "half-close":
            cluster.send(client, b"no end")
            cluster.tell(HalfClosed(cluster.t, client.name))
            client.has_finished = True
        case "reset":
            client.node.replica.room.abort(client.member)
            cluster.end(client, End.RESET, Aborted(cluster.t, client.name))
            return
        case _:
            return
    client.history.left = cluster.step


def node_reads(cluster: Cluster) -> None:
    client = cluster.some_client()
    if client is not None:
        cluster.read(client, cluster.random.randint(1, 40))


def client_hears(cluster: Cluster) -> None:
    client = cluster.some_client()
    if client is not None:
        cluster.hear(client, cluster.random.randint(1, 300))


def node_publishes(cluster: Cluster) -> None:
    for _ in range(2):
        node = cluster.some_node()
        if node is not None and (node.under_way is None or cluster.random.random() < 0.1):
            cluster.publish(node)


def engine_answers(cluster: Cluster) -> None:
    for _ in range(cluster.random.randint(1, 3)):
        cluster.answer(cluster.engine.take(is_calm=not cluster.has_faults))


def node_is_delivered(cluster: Cluster) -> None:
    node = cluster.some_node()
    if node is not None:
        for _ in range(cluster.random.randint(1, 5)):
            cluster.deliver(node)


def node_keeps_time(cluster: Cluster) -> None:
    cluster.now += cluster.random.choice((0.01, 0.05, 0.25))
    for node in cluster.nodes:
        cluster.keep_time(node)


# What goes wrong


def engine_delivers_again(cluster: Cluster) -> None:
    node = cluster.some_node()
    if node is not None and not cluster.is_unreachable(node):
        position = max(cluster.engine.first, node.replica.position - cluster.random.randint(0, 3))
        while position <= min(node.replica.position, cluster.engine.end):
            node.replica.deliver(position, cluster.engine.entries[position - 1])
            position += 1
        cluster.note(node)


def engine_goes_away(cluster: Cluster) -> None:
    if cluster.random.random() < 0.2:
        cluster.engine.is_away = not cluster.engine.is_away


def engine_loses_its_leader(cluster: Cluster) -> None:
    if cluster.random.random() < 0.2:
        cluster.engine.lose_leader()
        cluster.forget_requests()


def requests_are_lost(cluster: Cluster) -> None:
    if cluster.random.random() < 0.3:
        cluster.engine.requests.clear()
        cluster.forget_requests()


def engine_comes_back(cluster: Cluster) -> None:
    cluster.engine.is_away = False


def node_is_killed(cluster: Cluster) -> None:
    node = cluster.some_node()
    if node is not None and cluster.random.random() < 0.05:
        cluster.kill(node)


def node_is_stopped(cluster: Cluster) -> None:
    node = cluster.some_node()
    if node is not None and cluster.random.random() < 0.02:
        node.replica.stop()
        node.is_stopped = node.has_excuse = True


def node_is_started(cluster: Cluster) -> None:
    dead = [node for node in cluster.nodes if node.is_gone and cluster.is_alone(node)]
    if dead and cluster.random.random() < 0.5:
        cluster.start_node(cluster.random.choice(dead).name)


def node_is_replaced(cluster: Cluster) -> None:
    node = cluster.some_node()
    if node is not None and cluster.random.random() < 0.02 and cluster.is_alone(node):
        cluster.start_node(node.name)


def node_is_paused(cluster: Cluster) -> None:
    node = cluster.some_node()
    if node is not None and cluster.random.random() < 0.1:
        node.is_paused = True


def node_is_cut_off(cluster: Cluster) -> None:
    node = cluster.some_node()
    if node is not None and cluster.random.random() < 0.1:
        node.is_cut_off = True


def node_falls_behind(cluster: Cluster) -> None:
    """While one node is cut off for seconds, the others speak on."""
    node = cluster.some_node()
    if node is None or cluster.engine.is_away or cluster.random.random() > 0.1:
        return
    node.is_cut_off = True
    for _ in range(cluster.random.randint(2, 20)):
        for _ in range(3):
            client_speaks(cluster)
        cluster.go_on()
    node.is_cut_off = False


def node_goes_on(cluster: Cluster) -> None:
    if cluster.random.random() < 0.3:
        cluster.heal()


def time_passes(cluster: Cluster) -> None:
    if cluster.random.random() < 0.1:
        for _ in range(cluster.random.choice((5, 22))):
            cluster.now += 0.5
            for node in cluster.nodes:
                cluster.keep_time(node)


USUAL: Final[tuple[Action, ...]] = (
    client_connects,
    client_speaks,
    client_speaks,
    client_leaves,
    node_reads,
    node_reads,
    client_hears,
    client_hears,
    node_publishes,
    node_publishes,
    engine_answers,
    engine_answers,
    node_is_delivered,
    node_is_delivered,
    node_is_delivered,
    node_keeps_time,
)
FAULTS: Final[tuple[Action, ...]] = (
    engine_delivers_again,
    engine_goes_away,
    engine_comes_back,
    engine_comes_back,
    engine_loses_its_leader,
    requests_are_lost,
    node_is_killed,
    node_is_stopped,
    node_is_started,
    node_is_replaced,
    node_is_paused,
    node_is_cut_off,
    node_falls_behind,
    node_goes_on,
    time_passes,
)
