"""Conditions about the nodes of a cluster: the faults before an incident.

The docstrings are printed by `explain`, after "where".
"""

from conformance.oracle.conditions.circumstances import Circumstances
from conformance.transcript.events import KILLED


def a_fault_had_begun(about: Circumstances) -> bool:
    """a node, or what the nodes share, had a fault"""
    faults = about.case.history.faults
    return bool(faults) and max(about.fact.evidence, default=0) > faults[0][0]


def a_node_had_ended(about: Circumstances) -> bool:
    """a node had ended"""
    return any(
        fault.name == KILLED and max(about.fact.evidence, default=0) > at
        for at, fault in about.case.history.faults
    )


def another_node_had_ended(about: Circumstances) -> bool:
    """another node had ended"""
    return about.client is not None and any(
        fault.name == KILLED and fault.node != about.client.node and at < about.fact.evidence[0]
        for at, fault in about.case.history.faults
    )


def its_sender_was_lost(about: Circumstances) -> bool:
    """its sender was lost with its node"""
    return about.case.history.clients[about.line.client].lost is not None


def only_other_nodes_lack_it(about: Circumstances) -> bool:
    """members at its sender's node received it, and clients that lack it are all at other nodes"""
    clients = about.case.history.clients
    home = clients[about.line.client].node
    came = about.case.came.get(about.line, {})
    return (
        home is not None
        and any(clients[name].node == home for name in came)
        and all(clients[name].node != home for name in about.fact.losers)
    )
