"""NATS JetStream as the engine: the log is a stream, and each node has a subject of it.

An entry is published under the condition that its node's subject still ends with the entry before
it (`Nats-Expected-Last-Subject-Sequence`): that is the comparison the port asks for. A start has
no such condition; its id (`Nats-Msg-Id`) lets it be stored once.

The stream publishes again what it has committed, with its position. Nodes listen to that, and fetch
what they missed from any server that keeps the stream. There is no consumer, since one would hang
on the server it is on, and making another on the leader of the whole engine: a node reads on
whichever server has just died.
"""

import asyncio
import contextlib
import json
import logging
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import (
    DiscardPolicy,
    RePublish,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import APIError, NotFoundError
from nats.js.errors import Error as JetStreamError

from chatproto import Entry
from clustered_server.engine import Foreign, Refused, Unavailable
from clustered_server.node import cancel

COMMITTED: Final = "committed.entry"
"""What the subject of entries that were committed ends with; two tokens, where a node's has one."""
CONNECT: Final = 3.0
"""Seconds for a first connection to any of the engine's servers."""
RECONNECT: Final = 0.25
"""Seconds before a server that could not be connected to is tried again."""
CLOSE: Final = 0.5
ANSWER: Final = 2.0
"""Seconds within which the engine answers a request."""
SILENCE: Final = 0.5
"""Seconds without an entry after which a node asks whether it has missed any."""
OUT_OF_TURN: Final = 10071
"""The engine's code for a publish whose expected last sequence is not the subject's."""

_NOTHING: Final = (None, -1, 0, False)
_UNWANTED: Final = (
    "max_msgs", "max_msgs_per_subject", "max_msg_size", "max_age", "no_ack", "sealed", "mirror",
    "sources", "subject_transform",
)  # fmt: skip
_SEED: Final = re.compile(r"SU[A-Z2-7]{56}")
_LAST: Final = re.compile(r"wrong last sequence: ([0-9]+)")

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
        """Read the files; what the NATS client wants to be told.

        Raises `ValueError`, which names the file, for one that cannot be used.
        """
        options: dict[str, Any] = {
            "servers": list(self.servers),
            "connect_timeout": 2,
            "reconnect_time_wait": RECONNECT,
            "max_reconnect_attempts": -1,
            "ping_interval": 1,
            "max_outstanding_pings": 2,
        }
        if self.ca or self.certificate or self.key:
            options["tls"] = self._tls()
        if self.credentials is not None:
            options |= _credentials(self.credentials)
        return options

    def _tls(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise ValueError(f"{self.ca}: no certificate in PEM: {error}") from None
        if self.key is not None and self.certificate is None:
            raise ValueError(f"{self.key}: a key without its certificate; use --tls-cert too")
        if self.certificate is not None:
            try:
                context.load_cert_chain(self.certificate, self.key, lambda: "")  # never asked for
            except OSError as error:
                raise ValueError(
                    f"{self.certificate}, {self.key or 'no --tls-key'}: no certificate in PEM "
                    f"and its key, without a password: {error}"
                ) from None
        return context


def _credentials(path: Path) -> dict[str, str]:
    text = path.read_text(errors="replace").strip()
    if text.startswith("-----BEGIN NATS USER JWT"):
        return {"user_credentials": str(path)}
    if _SEED.fullmatch(text):
        return {"nkeys_seed_str": text}
    user, _, password = text.partition("\n")
    if not password or "\n" in password:
        raise ValueError(
            f"{path}: neither a NATS credentials file, nor an nkey's seed, nor a user and a "
            "password on a line each"
        )
    return {"user": user, "password": password}


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
        that name with other settings, or with something else than entries in it; `ValueError` for
        a file of `access` that cannot be used.
        """
        client = Client()
        failures: list[BaseException] = []

        async def note(error: Exception) -> None:
            failures[:] = [error]
            log.debug("engine: %s", _say(error))

        async def note_loss() -> None:
            if not client.is_closed:
                log.warning("the connection to the engine was lost; trying all servers it has")

        options = access.options()
        # The client tries on for ever: that is how it goes on trying those it cannot reach yet.
        connecting = asyncio.create_task(
            client.connect(
                name=f"chatproto room {room}", error_cb=note, disconnected_cb=note_loss, **options
            )
        )
        try:
            await asyncio.wait([connecting], timeout=CONNECT)
        finally:
            await cancel(connecting)
        if connecting.cancelled():
            await _close(client)
            raise Unavailable(_say(failures[0]) if failures else "it did not answer")
        if (failure := connecting.exception()) is not None:
            await _close(client)
            raise Unavailable(_say(failure))
        engine = cls(client, f"chatproto-{room}")
        try:
            await engine._prepare(room, replicas, retained)
        except Unavailable as error:
            await engine.close()
            if not failures:
                raise
            raise Unavailable(f"{error} ({_say(failures[0])})") from None
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
            last = _LAST.search(said)
            if entry.after is None or refusal.get("err_code") != OUT_OF_TURN or last is None:
                raise Unavailable(said)
            await self._explain(entry.after, int(last[1]))

    async def _explain(self, after: int, last: int) -> None:
        """Raise `Refused` for an entry that no longer follows; `Unavailable` for any other.

        A server that has been away may take itself for the leader and not know the latest.
        """
        if last > after:
            raise Refused(last)
        try:
            info = await self._jetstream.stream_info(self._stream)
        except _FAILURES as error:
            raise Unavailable(_say(error)) from None
        if info.state.first_seq > after:
            raise Refused(None)
        raise Unavailable(f"it knows this node's entries up to {last}, and not that at {after}")

    async def read(self, position: int) -> AsyncIterator[tuple[int, Entry]]:
        try:
            subscription = await self._client.subscribe(f"{self._stream}.{COMMITTED}")
        except _FAILURES as error:
            raise Unavailable(_say(error)) from None
        position = max(1, position)
        try:
            while True:
                while (message := await self._fetch(position)) is not None:
                    yield self._read(message)
                    position = _position(message) + 1
                while (message := await self._listen(subscription)) is not None:
                    if _position(message) > position:
                        break  # some were missed
                    if _position(message) == position:
                        yield self._read(message)
                        position += 1
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
            allow_direct=True,
            republish=RePublish(src=f"{self._stream}.*", dest=f"{self._stream}.{COMMITTED}"),
        )
        try:
            try:
                info = await self._jetstream.stream_info(self._stream)
            except NotFoundError:
                info = await self._make(wanted)
            if differences := list(_differences(info.config, wanted)):
                raise Foreign(f"the stream {self._stream} is another: {'; '.join(differences)}")
            if info.state.messages:
                last = await self._fetch(info.state.last_seq)
                if last is not None:
                    self._read(last)
        except _FAILURES as error:
            raise Unavailable(_say(error)) from None

    async def _make(self, wanted: StreamConfig) -> StreamInfo:
        try:
            return await self._jetstream.add_stream(wanted)
        except APIError as error:
            raise Unavailable(
                f"no stream {wanted.name} with {wanted.num_replicas} replicas: {_say(error)}"
            ) from None

    async def _fetch(self, position: int) -> Msg | None:
        """Get the entry at a position, or the first that is kept after it; None for none yet."""
        request = json.dumps({"seq": position, "next_by_subj": f"{self._stream}.*"}).encode()
        subject = f"$JS.API.DIRECT.GET.{self._stream}"
        try:
            message = await self._client.request(subject, request, ANSWER)
        except _FAILURES as error:
            raise Unavailable(_say(error)) from None
        status = (message.headers or {}).get("Status")
        if status == "404":
            return None
        if status is not None:
            raise Unavailable(f"{status} {(message.headers or {}).get('Description')}")
        return message

    async def _listen(self, subscription: Subscription) -> Msg | None:
        """Wait for the next entry committed; None where none came for a while."""
        try:
            return await subscription.next_msg(timeout=SILENCE)
        except nats.errors.TimeoutError:
            return None
        except _FAILURES as error:
            raise Unavailable(_say(error)) from None

    def _read(self, message: Msg) -> tuple[int, Entry]:
        position = _position(message)
        try:
            return position, Entry.decode(message.data)
        except ValueError as error:
            raise Foreign(f"entry {position} of {self._stream}: {error}") from None


def _differences(found: StreamConfig, wanted: StreamConfig) -> Iterator[str]:
    """Say in what a stream is another; of what nothing is wanted, only what would lose entries."""
    for name, value in vars(wanted).items():
        there = getattr(found, name)
        if value not in _NOTHING and there != value:
            yield f"{name} is {_plain(there)}, not {_plain(value)}"
        elif name in _UNWANTED and there not in _NOTHING:
            yield f"{name} is {_plain(there)}, and should not be set"


def _position(message: Msg) -> int:
    return int((message.headers or {})["Nats-Sequence"])


async def _close(client: Client) -> None:
    with contextlib.suppress(*_FAILURES, AssertionError):  # AssertionError: it was not yet open
        async with asyncio.timeout(CLOSE):
            await client.close()


def _say(error: BaseException) -> str:
    if isinstance(error, APIError):
        return f"{error.description} ({error.err_code})"
    return str(error) or type(error).__name__


def _plain(value: object) -> object:
    return getattr(value, "value", value)
