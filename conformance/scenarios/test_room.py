"""The room: one log, of which each member receives one contiguous run, whatever others do."""

from conformance.driver.bulk_traffic import Talker, stall_one, talk
from conformance.driver.client import Client
from conformance.driver.stage import Stage
from conformance.scenarios.registry import scenario
from conformance.target.address import FAR
from conformance.timing.policy import HICCUP

_CALM = 64
"""Words that are said before anybody leaves: a server that loses some has lost one by then."""


@scenario("ROOM-1", "ROOM-2", "ROOM-3")
def test_joining_while_others_talk(stage: Stage) -> None:
    """Members join one after the other while two never stop talking."""
    ann, bob = stage.join(2)
    members = [ann, bob]
    for _ in range(10):
        for _ in range(10):
            ann.say(stage.nonce())
            bob.say(stage.nonce())
        members += stage.join(1)
    stage.fence(ann, bob)
    for member in members:
        stage.await_text(member, stage.last_nonce)
    stage.fence(*members)


@scenario("ROOM-1")
def test_who_says_nothing_hears_all(stage: Stage) -> None:
    """Clients that never send anything receive everything that two others say, from the first
    message they receive."""
    ann, bob = stage.join(2)
    mutes = [stage.connect() for _ in range(3)]
    stage.be_heard(ann, mutes)
    for _ in range(5):
        stage.fence(ann, bob)
    for mute in mutes:
        stage.await_text(mute, stage.last_nonce)


@scenario("ROOM-2")
def test_the_same_words_again(stage: Stage) -> None:
    """One member sends the same text three times, another sends it too, and the first again. Then
    both send the same texts at the same time."""
    ann, bob = stage.join(2)
    for count in (3, 1):
        for _ in range(count):
            ann.say("the same")
        stage.fence(ann, bob)
        bob.say("the same")
        stage.fence(ann, bob)
    for number in ("one", "two", "three", "four", "five"):
        for member in (ann, bob):
            member.say(f"both say {number}")
        for member in (ann, bob):
            stage.await_text(member, f"both say {number}")
    stage.fence(ann, bob)


@scenario("ROOM-2", "ROOM-3", "ROOM-4", "ROOM-6", "MSG-2")
def test_everyone_speaks_at_once(stage: Stage) -> None:
    """Eight members talk in a closed loop, each with up to eight lines in flight."""
    members = stage.join(8)
    talk(stage, members, lines=60, window=8)
    stage.fence(*members)


@scenario("ROOM-4", "ROOM-2")
def test_bursts_of_one_sender(stage: Stage) -> None:
    """One member sends 200 lines at once, first alone, then together with another."""
    ann, bob, eve = stage.join(3)
    for talkers in ([ann], [ann, bob]):
        for talker in talkers:
            talker.send("".join(f"{stage.nonce()}\n" for _ in range(200)).encode())
        stage.fence(*talkers)
        stage.fence(eve)


@scenario("ROOM-5", "ROOM-3")
def test_cause_before_effect(stage: Stage) -> None:
    """Five members in a ring: each answers as soon as it has received the message before."""
    members = stage.join(5)
    word = stage.nonce()
    members[0].say(word)
    for turn in range(40):
        answerer = members[(turn + 1) % len(members)]
        stage.await_text(answerer, word)
        word = stage.nonce()
        answerer.say(word)
    stage.fence(*members)


@scenario("ROOM-6", "ROOM-3")
def test_long_broadcasts_stay_whole(stage: Stage) -> None:
    """Eight members send lines of 1,000 octets in bursts, more than a socket takes at once."""
    members = stage.join(8)
    for _ in range(3):
        for member in members:
            member.send(
                "".join(
                    f"{stage.nonce()} {'x' * 900} {stage.nonce()}\n" for _ in range(40)
                ).encode()
            )
        stage.fence(*members)


@scenario("ROOM-7", "ERR-2")
def test_however_a_member_goes(stage: Stage) -> None:
    """Members leave by quit, half-close, reset, reset within a line, and violation, each while its
    line is in flight. The others, who joined before and after it, talk on."""
    ann, bob, eve = stage.join(3)
    stage.fence(ann, bob)
    for way in ("quit", "end", "reset", "reset within a line", "violation") * 2:
        [newcomer] = stage.join(1, exercises=["ROOM-7"])
        eve.say(stage.nonce(), exercises=["ROOM-7"])
        _leave(stage, eve, way)
        for _ in range(3):
            stage.fence(ann, bob, newcomer, exercises=["ROOM-7"])
        eve = newcomer


@scenario("ROOM-7", "ROOM-1")
def test_many_come_and_go(stage: Stage) -> None:
    """Eight talk for a while; then forty members join and leave in every way while they talk on."""
    members = stage.join(8)
    _talk_undisturbed(stage, members, segments=2)
    for _ in range(8):
        leavers = stage.join(5, exercises=["ROOM-7"])
        for member in members:
            member.say(stage.nonce(), exercises=["ROOM-7"])
        for leaver in leavers:
            leaver.say(stage.nonce())
            _leave(stage, leaver, stage.random.choice(("quit", "end", "reset", "violation")))
        stage.fence(*members, exercises=["ROOM-7"])


@scenario("ROOM-7", "QUIT-3")
def test_leavers_that_hold_their_side_open(stage: Stage) -> None:
    """Members quit and keep their side of the connection open. Two others talk on."""
    ann, bob = stage.join(2)
    stage.fence(ann, bob)
    for _ in range(3):
        leaver = stage.connect(holds=True)
        stage.greet(leaver, exercises=["ROOM-7"])
        leaver.send(b"quit\n")
        for _ in range(3):
            stage.fence(ann, bob, exercises=["ROOM-7"])
        stage.await_end(leaver)


@scenario("ROOM-1", "ROOM-2", "ROOM-3", "ROOM-7")
def test_one_generation_after_another(stage: Stage) -> None:
    """Four talk for a while. Then, while four members have lines in flight, the four that talked
    before them leave one by one, and the four that talk next join. Fourteen rounds."""
    leavers: list[Client] = []
    talkers = stage.join(4)
    _talk_undisturbed(stage, talkers, segments=4, lines=2)
    for _ in range(14):
        newcomers: list[Client] = []
        for _ in range(4):
            for talker in talkers:
                talker.send(f"{stage.nonce()}\n{stage.nonce()}\n".encode(), exercises=["ROOM-7"])
            if leavers:
                _leave(stage, leavers.pop(), stage.random.choice(("quit", "end", "reset")))
            newcomers.append(stage.connect())
        stage.fence(*talkers, exercises=["ROOM-7"])
        stage.be_heard(talkers[0], newcomers)
        leavers, talkers = talkers, newcomers


@scenario("ROOM-7")
def test_connections_that_say_nothing_and_go(stage: Stage) -> None:
    """Clients that send nothing reset or half-close, some at once, some after they have received a
    message, while two members talk."""
    ann, bob = stage.join(2)
    stage.fence(ann, bob)
    for turn in range(20):
        visitor = stage.connect()
        if turn >= 10:
            stage.be_heard(ann, [visitor])
        if turn % 2:
            visitor.reset()
        else:
            visitor.half_close()
        stage.fence(ann, bob, exercises=["ROOM-7"])


@scenario("ROOM-1", waits=0.7)
def test_leavers_hear_no_more(stage: Stage) -> None:
    """Three members leave: one quits, one half-closes, and one with a backlog sends many lines and
    quit in one segment. Two others talk half a second later. Then the third reads on."""
    ann, bob = stage.join(2)
    talker = Talker(stage, ann, bob)
    laggard = stall_one(stage, FAR)
    talker.say(300_000)
    quitter, ender = stage.join(2)
    lines = [stage.nonce() for _ in range(37)]
    laggard.send("".join(f"{line}\n" for line in lines).encode() + b"quit\n")
    quitter.send(stage.nonce().encode() + b"\nquit\n")
    ender.say(stage.nonce())
    ender.half_close()
    stage.fence(ann, bob)
    stage.pass_time(1.1 * HICCUP * stage.start.factor)
    for _ in range(3):
        stage.fence(ann, bob)
    laggard.resume()
    for leaver in (quitter, ender, laggard):
        stage.await_end(leaver)


def _talk_undisturbed(stage: Stage, members: list[Client], segments: int, lines: int = 1) -> None:
    """Let members talk, as many at once and as much as later, when others leave."""
    for _ in range(1 + _CALM // (segments * lines * len(members))):
        for _ in range(segments):
            for member in members:
                member.send("".join(f"{stage.nonce()}\n" for _ in range(lines)).encode())
        stage.fence(*members)


def _leave(stage: Stage, client: Client, way: str) -> None:
    match way:
        case "quit":
            client.send(b"quit\n")
        case "end":
            client.half_close()
        case "reset":
            client.reset()
        case "reset within a line":
            client.send(stage.nonce().encode())
            client.reset()
        case "violation":
            client.send(stage.nonce().encode() + b"\xff\n")
