"""What clients of a correct room may do, drawn: who joins, speaks, leaves, and in what order."""

from typing import Final

from hypothesis import strategies as st

from tests.conformance.scene import Scene

NAMES: Final = ("ann", "bob", "cyd", "dan")
TAILS: Final = (
    "", "", " ж€😀", " a\tb", " \x1b[31m", "\r", " \x00", " \u2028", " quit", "\ufeff", " é", "  ",
)  # fmt: skip
BLANK: Final = (b"", b" \t", b"\r", b"\xc2\xa0")
AGAIN: Final = (b"the same", b"QUIT", b"quit now", b"a")
LAST: Final = (b"quit\n", b"quit\r\n", b"bad \xff line\n", b"quit\nand more\n", b"incomplete")


@st.composite
def _lines(draw: st.DrawFn, scene: Scene) -> bytes:
    """A few lines, most of them with a unique word.

    A text is repeated only when all are known to have been there before: a member that joined
    between the two looks like one that missed the first.
    """
    known = all(peer.member or peer.ended or peer.over for peer in scene.peers.values())
    plain = BLANK + AGAIN if known else BLANK
    lines = []
    for _ in range(draw(st.integers(1, 3))):
        if draw(st.integers(0, 3)):
            lines.append((scene.nonce() + draw(st.sampled_from(TAILS))).encode())
        else:
            lines.append(draw(st.sampled_from(plain)))
    return b"".join(line + b"\n" for line in lines)


@st.composite
def _segments(draw: st.DrawFn, octets: bytes) -> list[bytes]:
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(octets) - 1)), max_size=3)))
    return [octets[a:b] for a, b in zip([0, *cuts], [*cuts, len(octets)], strict=True) if a < b]


@st.composite
def scenes(draw: st.DrawFn, *, may_be_unix: bool = True) -> Scene:
    """A whole run of a correct server: it accepts late, reads in any pieces, and writes in
    pieces."""
    scene = Scene(unix=may_be_unix and draw(st.booleans()))
    for name in NAMES[: draw(st.integers(2, 4))]:
        scene.connect(name, accepted=draw(st.booleans()))
    for _ in range(draw(st.integers(1, 25))):
        _step(draw, scene)
    _to_the_end(draw, scene)
    return scene


def _step(draw: st.DrawFn, scene: Scene) -> None:
    scene.tick(draw(st.sampled_from([0.0, 0.0, 0.01, 0.7])))
    name = draw(st.sampled_from(sorted(scene.peers)))
    peer = scene.peers[name]
    if peer.over:
        return
    match draw(st.sampled_from(["send", "send", "serve", "serve", "read", "read", "beat", "go"])):
        case "send" if not peer.gone:
            scene.send(name, *draw(_segments(draw(_lines(scene)))))
        case "serve":
            serve(scene, name, draw(st.integers(1, 3)))
        case "read":
            waiting = sum(map(len, peer.waiting))
            if waiting:
                scene.read(name, draw(st.integers(1, waiting)))
            elif peer.ended:
                scene.end(name)
        case "beat":
            peer.waiting.append(b"\n")
        case "go" if not peer.gone:
            _go(draw, scene, name)
        case _:
            pass


def serve(scene: Scene, name: str, reads: int | None = None) -> None:
    """Let the server read; it accepts the client first, if it has not yet."""
    peer = scene.peers[name]
    peer.member = peer.member or not (peer.ended or peer.over)
    scene.serve(name, reads)


def _go(draw: st.DrawFn, scene: Scene, name: str) -> None:
    way = draw(st.sampled_from(["stay", "stay", "say", "half-close", "reset"]))
    if way == "say":
        last = draw(st.sampled_from(LAST))
        scene.send(name, *draw(_segments(last)))
        scene.peers[name].gone = True
        if not last.endswith(b"\n") or draw(st.booleans()):
            scene.half_close(name)
    elif way == "half-close":
        scene.half_close(name)
    elif way == "reset":
        if draw(st.booleans()):
            serve(scene, name)
        scene.abort(name)


def _to_the_end(draw: st.DrawFn, scene: Scene) -> None:
    """Everything is read; whoever is still there speaks once more and receives everything."""
    for name in draw(st.permutations(sorted(scene.peers))):
        if not scene.peers[name].over:
            serve(scene, name)
    scene.deliver()
    scene.fence()
