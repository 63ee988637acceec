"""JetStream as the engine: whose stream it is, and who may use it."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StreamConfig

from chatproto import Entry
from clustered_server import Foreign, Unavailable, jetstream
from clustered_server.jetstream import Access, JetStream
from tests.clustered_server.engines import Engines, find

MIB = 1_048_576


def run(scene: Awaitable[None]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(scene, 30)

    asyncio.run(limited())


async def with_client(url: str, use: Callable[[JetStreamContext], Awaitable[object]]) -> None:
    client = await nats.connect(url)
    try:
        await use(client.jetstream())
    finally:
        await client.close()


def test_a_stream_with_other_settings_is_refused_and_left_alone(engine_url: str) -> None:
    async def scene() -> None:
        await with_client(
            engine_url,
            lambda js: js.add_stream(name="chatproto-orders", subjects=["orders.*"], max_msgs=7),
        )
        with pytest.raises(Foreign, match=r"subjects is \['orders\.\*'\], not \['chatproto-orders"):
            await JetStream.open(Access((engine_url,)), "orders", 1, 64 * MIB)

        async def look(js: JetStreamContext) -> None:
            info = await js.stream_info("chatproto-orders")
            assert info.config.max_msgs == 7

        await with_client(engine_url, look)

    run(scene())


def test_a_stream_made_with_other_options_is_refused(engine_url: str) -> None:
    async def scene() -> None:
        engine = await JetStream.open(Access((engine_url,)), "options", 1, 64 * MIB)
        await engine.close()
        with pytest.raises(Foreign, match=r"max_bytes is 67108864, not 134217728"):
            await JetStream.open(Access((engine_url,)), "options", 1, 128 * MIB)

    run(scene())


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"max_msgs_per_subject": 1}, "max_msgs_per_subject is 1, and should not be set"),
        ({"max_age": 600}, "max_age is 600.0, and should not be set"),
    ],
)
def test_a_stream_that_would_lose_entries_is_refused(
    engine_url: str, setting: dict[str, object], said: str
) -> None:
    room = f"loses-{next(iter(setting))}"

    async def scene() -> None:
        engine = await JetStream.open(Access((engine_url,)), room, 1, 64 * MIB)
        await engine.close()

        async def change(js: JetStreamContext) -> None:
            info = await js.stream_info(f"chatproto-{room}")
            await js.delete_stream(f"chatproto-{room}")
            await js.add_stream(StreamConfig(**(vars(info.config) | setting)))

        await with_client(engine_url, change)
        with pytest.raises(Foreign, match=said):
            await JetStream.open(Access((engine_url,)), room, 1, 64 * MIB)

    run(scene())


def test_the_permissions_that_are_asked_of_the_operator_are_enough(tmp_path: Path) -> None:
    if find() is None:
        pytest.skip("no nats-server here")
    extra = """authorization { users: [ { user: chat, password: secret, permissions: {
        publish: { allow: ["chatproto-lobby.*", "$JS.API.STREAM.*.chatproto-lobby",
                           "$JS.API.DIRECT.GET.chatproto-lobby"] }
        subscribe: { allow: ["chatproto-lobby.committed.entry", "_INBOX.>"] } } } ] }"""
    (tmp_path / "user").write_text("chat\nsecret\n")

    async def scene(url: str) -> None:
        access = Access((url,), tmp_path / "user")
        for position in 1, 2:
            engine = await JetStream.open(access, "lobby", 1, 64 * MIB)
            await engine.append(Entry("a", f"run{position}", None))
            assert await engine.end() == position
            async for found, _ in engine.read(1):
                if found == position:
                    break
            await engine.close()
        with pytest.raises(Unavailable, match=r"timeout \(.*permissions violation"):
            await JetStream.open(access, "lounge", 1, 64 * MIB)

    with Engines(tmp_path, extra=extra) as engines:
        run(scene(engines.urls))


def test_a_stream_with_other_content_is_refused(engine_url: str) -> None:
    async def scene() -> None:
        engine = await JetStream.open(Access((engine_url,)), "content", 1, 64 * MIB)
        await with_client(engine_url, lambda js: js.publish("chatproto-content.a", b"an order"))
        with pytest.raises(Foreign, match="not an entry of a chatproto room"):
            async for _ in engine.read(1):
                pass
        await engine.close()
        with pytest.raises(Foreign, match="not an entry of a chatproto room"):
            await JetStream.open(Access((engine_url,)), "content", 1, 64 * MIB)

    run(scene())


def test_more_replicas_than_there_are_servers_is_told(engine_url: str) -> None:
    async def scene() -> None:
        with pytest.raises(Unavailable, match="replicas"):
            await JetStream.open(Access((engine_url,)), "replicas", 3, 64 * MIB)

    run(scene())


def test_an_engine_that_is_not_there_is_told() -> None:
    async def scene() -> None:
        with pytest.raises(Unavailable, match="Connect call failed"):
            async with asyncio.timeout(10):
                await JetStream.open(Access(("nats://127.0.0.1:1",)), "nowhere", 1, 64 * MIB)

    run(scene())


def test_an_attempt_to_connect_ends_though_the_client_swallows_a_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    swallowed: list[str] = []

    async def connect(*_: object, **__: object) -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError as cancelled:
                if swallowed:
                    raise
                swallowed.append(str(cancelled))

    monkeypatch.setattr(jetstream, "CONNECT", 0.1)
    monkeypatch.setattr(Client, "connect", connect)

    async def scene() -> None:
        with pytest.raises(Unavailable, match="it did not answer"):
            await JetStream.open(Access(("nats://127.0.0.1:1",)), "nowhere", 1, 64 * MIB)

    run(scene())
    assert len(swallowed) == 1


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """An engine that wants a password, over TLS, and where the files are for it."""
    if find() is None or shutil.which("openssl") is None:
        pytest.skip("no nats-server or no openssl here")
    where = tmp_path_factory.mktemp("guarded")
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {where}/key.pem -out {where}/ca.pem "
        "-days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,DNS:localhost".split(),
        check=True,
        capture_output=True,
    )
    extra = f"""
        tls {{ cert_file: "{where}/ca.pem", key_file: "{where}/key.pem" }}
        authorization {{ user: chat, password: secret }}
    """
    (where / "user").write_text("chat\nsecret\n")
    (where / "wrong").write_text("chat\nguess\n")
    with Engines(where, extra=extra) as engines:
        yield engines.urls, where


def test_credentials_and_tls_come_from_files(guarded: tuple[str, Path]) -> None:
    url, where = guarded

    async def scene() -> None:
        access = Access((url,), where / "user", where / "ca.pem")
        engine = await JetStream.open(access, "guarded", 1, 64 * MIB)
        await engine.append(Entry("a", "r", None))
        assert await engine.end() == 1
        await engine.close()

    run(scene())


@pytest.mark.parametrize(("credentials", "ca"), [("wrong", "ca.pem"), ("user", None)])
def test_who_may_not_use_the_engine_is_told(
    guarded: tuple[str, Path], credentials: str, ca: str | None
) -> None:
    url, where = guarded

    async def scene() -> None:
        access = Access((url,), where / credentials, None if ca is None else where / ca)
        with pytest.raises(Unavailable):
            async with asyncio.timeout(10):
                await JetStream.open(access, "guarded", 1, 64 * MIB)

    run(scene())


def test_an_nkey_is_credentials(tmp_path: Path) -> None:
    nkeys = pytest.importorskip("nkeys", reason="the extra nkeys of nats-py is not installed")
    if find() is None:
        pytest.skip("no nats-server here")
    seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    public = nkeys.from_seed(bytearray(seed)).public_key.decode()
    (tmp_path / "seed").write_bytes(bytes(seed) + b"\n")

    async def scene(url: str) -> None:
        engine = await JetStream.open(Access((url,), tmp_path / "seed"), "nkey", 1, 64 * MIB)
        assert await engine.end() == 0
        await engine.close()
        with pytest.raises(Unavailable, match="Authorization Violation"):
            await JetStream.open(Access((url,)), "nkey", 1, 64 * MIB)

    with Engines(tmp_path, extra=f"authorization {{ users: [{{ nkey: {public} }}] }}") as engines:
        run(scene(engines.urls))
