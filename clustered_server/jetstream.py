"""NATS JetStream as the engine: the log is a stream, and each node has a subject of it.

An entry is published under the condition that its node's subject still ends with the entry before
it (`Nats-Expected-Last-Subject-Sequence`): that is the comparison the port asks for. A start has
no such condition; its id (`Nats-Msg-Id`) lets it be stored once. The log is read by a consumer of
its own, which is made again, from where the node stands, whenever it falls silent.
"""

import asyncio
import contextlib
import json
import logging
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, NotFoundError
from nats.js.errors import Error as JetStreamError

from chatproto import Entry
from clustered_server.engine import Foreign, Refused, Unavailable

CONNECT: Final = 3.0
"""Seconds for a first connection to any of the engine's servers."""
RECONNECT: Final = 0.25
"""Seconds before a server that could not be connected to is tried again."""
ANSWER: Final = 2.0
"""Seconds within which the engine answers a request."""
BEAT: Final = 0.5
"""Seconds between the beats of a consumer that has nothing to deliver."""
SILENCE: Final = 1.5
"""Seconds without an entry or a beat after which a consumer is made again."""
OUT_OF_TURN: Final = (10071, 10164)
"""The engine's codes for a publish whose expected last sequence is not the subject's."""

log = logging.getLogger("clustered_server")

_FAILURES: Final = (nats.errors.Error, JetStreamError, OSError, asyncio.TimeoutError)


@dataclass(frozen=True, slots=True)
class Access:
    """Where the engine is, and the files that say who asks.

    `credentials`: a NATS credentials file, an nkey's seed, or a user and a password on two lines.
    `ca`, `certificate` and `key`: PEM files; with any of them the connection is TLS.
    """

    servers: tuple[str, ...]
    credentials: Path | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def options(self) -> dict[str, Any]:
        """Read the files; what the NATS client wants to be told. Raises `OSError` for a bad one."""
        options: dict[str, Any] = {
            "servers": list(self.servers),
            "connect_timeout": 2,
            "reconnect_time_wait": RECONNECT,
            "max_reconnect_attempts": -1,
            "ping_interval": 1,
            "max_outstanding_pings": 2,
        }
        if self.ca or self.certificate:
            options["tls"] = ssl.create_default_context(cafile=self.ca)
            if self.certificate is not None:
                options["tls"].load_cert_chain(self.certificate, self.key)
        if self.credentials is not None:
            text = self.credentials.read_text().strip()
            if text.startswith("-----BEGIN"):
                options["user_credentials"] = str(self.credentials)
            elif "\n" in text:
                options["user"], options["password"] = text.split("\n", 1)
            else:
                options["nkeys_seed_str"] = text
        return options


class JetStream:
    """A room's stream, as the engine of one node. Made by `open`."""

    def __init__(self, client: Client, stream: str) -> None:
        self._client = client
        self._jetstream = client.jetstream(timeout=ANSWER)
        self._stream = stream

    @classmethod
    async def open(cls, access: Access, room: str, replicas: int, retained: int) -> Self:
        """Connect, and make the room's stream where there is none yet.

        `retained`: octets of the log to keep. Raises `Unavailable`, and `Foreign` for a stream of
        that name with other settings, or with something else than entries in it.
        """
        client = Client()
        failures: list[BaseException] = [TimeoutError("it did not answer")]

        async def note(error: Exception) -> None:
            failures.append(error)
            del failures[:-1]
            log.debug("engine: %s", _say(error))

        async def note_loss() -> None:
            if not client.is_closed:
                log.warning("the connection to the engine was lost; trying all servers it has")

        try:
            # The client tries on for ever: that is how it goes on trying those it cannot reach yet.
            async with asyncio.timeout(CONNECT):
                await client.connect(
                    name=f"chatproto room {room}",
                    error_cb=note,
                    disconnected_cb=note_loss,
                    **access.options(),
                )
        except TimeoutError:
            await _close(client)
            raise Unavailable(_say(failures[-1])) from None
        except (*_FAILURES, ValueError) as error:
            await _close(client)
            raise Unavailable(_say(error)) from None
        engine = cls(client, f"chatproto-{room}")
        try:
            await engine._prepare(room, replicas, retained)
        except BaseException:
            await engine.close()
            raise
        return engine

    @property
    def largest_entry(self) -> int:
        return int(self._client.max_payload) - 1_024  # the headers count as well

    async def end(self) -> int:
        try:
            info = await self._jetstream.stream_info(self._stream)
        except _FAILURES as error:
            raise Unavailable(_say(error)) from None
        return int(info.state.last_seq)

    async def append(self, entry: Entry) -> None:
        if not self._client.is_connected:
            raise Unavailable("there is no connection to the engine")
        headers = {"Nats-Expected-Stream": self._stream}
        if entry.after is None:
            headers["Nats-Msg-Id"] = f"{entry.node} {entry.run}"
        else:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(entry.after)
        subject = f"{self._stream}.{entry.node}"
        try:
            answer = await self._client.request(subject, entry.encode(), ANSWER, headers=headers)
        except _FAILURES as error:
            raise Unavailable(_say(error)) from None
        refusal = json.loads(answer.data).get("error")
        if refusal is not None:
            said = f"{refusal.get('description')} ({refusal.get('err_code')})"
            if refusal.get("err_code") in OUT_OF_TURN:
                raise Refused(said)
            raise Unavailable(said)

    async def read(self, position: int) -> AsyncIterator[tuple[int, Entry]]:
        inbox = self._client.new_inbox()
        try:
            subscription = await self._client.subscribe(inbox)
        except _FAILURES as error:
            raise Unavailable(_say(error)) from None
        try:
            await self._consume(inbox, max(1, position))
            delivered = 0
            while True:
                message = await self._next(subscription)
                if message is None:
                    continue
                sequence = message.metadata.sequence
                delivered += 1
                if sequence.consumer != delivered:
                    raise Unavailable("a delivery was lost on the way")
                try:
                    entry = Entry.decode(message.data)
                except ValueError as error:
                    raise Foreign(f"entry {sequence.stream} of {self._stream}: {error}") from None
                yield sequence.stream, entry
        finally:
            with contextlib.suppress(*_FAILURES):
                await subscription.unsubscribe()

    async def close(self) -> None:
        await _close(self._client)

    async def _prepare(self, room: str, replicas: int, retained: int) -> None:
        wanted = StreamConfig(
            name=self._stream,
            description=f"the log of the chatproto/1 room {room}",
            subjects=[f"{self._stream}.*"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            num_replicas=replicas,
            max_bytes=retained,
            max_msgs=-1,
            max_consumers=-1,
            discard=DiscardPolicy.OLD,
            duplicate_window=120,
            deny_delete=True,
            deny_purge=True,
        )
        try:
            try:
                info = await self._jetstream.stream_info(self._stream)
            except NotFoundError:
                info = await self._jetstream.add_stream(wanted)
            differences = [
                f"{name} is {_plain(getattr(info.config, name))}, not {_plain(value)}"
                for name, value in vars(wanted).items()
                if value not in (None, -1, 0, False) and getattr(info.config, name) != value
            ]
            if differences:
                raise Foreign(f"the stream {self._stream} is another: {'; '.join(differences)}")
            if info.state.messages:
                last = await self._jetstream.get_msg(self._stream, seq=info.state.last_seq)
                Entry.decode(last.data or b"")
        except ValueError as error:
            raise Foreign(f"the stream {self._stream}: {error}") from None
        except _FAILURES as error:
            raise Unavailable(_say(error)) from None

    async def _consume(self, inbox: str, position: int) -> None:
        """Have the stream delivered from a position on."""
        consumer = ConsumerConfig(
            deliver_subject=inbox,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=position,
            ack_policy=AckPolicy.NONE,
            idle_heartbeat=BEAT,
            flow_control=True,
            inactive_threshold=10 * SILENCE,
            mem_storage=True,
            num_replicas=1,
        )
        try:
            await self._jetstream.add_consumer(self._stream, consumer)
        except _FAILURES as error:
            raise Unavailable(_say(error)) from None

    async def _next(self, subscription: Subscription) -> Msg | None:
        """The next message; None for a beat, which is answered where the engine wants that."""
        try:
            message = await subscription.next_msg(timeout=SILENCE)
        except _FAILURES:
            raise Unavailable(f"nothing came for {SILENCE} s, not even a beat") from None
        if message.data or not message.headers or "Status" not in message.headers:
            return message
        if message.headers["Status"] != "100":
            raise Unavailable(message.headers.get("Description", "the consumer has ended"))
        answer_to = message.reply or message.headers.get("Nats-Consumer-Stalled")
        if answer_to:
            await self._client.publish(answer_to)
        return None


async def _close(client: Client) -> None:
    with contextlib.suppress(*_FAILURES):
        await client.close()


def _say(error: BaseException) -> str:
    if isinstance(error, APIError):
        return f"{error.description} ({error.err_code})"
    return str(error) or type(error).__name__


def _plain(value: object) -> object:
    return getattr(value, "value", value)
