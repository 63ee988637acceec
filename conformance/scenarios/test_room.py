"""Room: one log, of which each member receives one contiguous run, whatever the others do."""

from conformance.driver.bulk_traffic import Talker, stall_one, talk
from conformance.driver.client import Client
from conformance.driver.stage import Stage
from conformance.scenarios.registry import scenario
from conformance.target.address import FAR
from conformance.timing.policy import HICCUP


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
    """Connections that never say a word hear what two say, from the first they hear on."""
    ann, bob = stage.join(2)
    mutes = [stage.connect() for _ in range(3)]
    stage.be_heard(ann, mutes)
    for _ in range(5):
        stage.fence(ann, bob)
    for mute in mutes:
        stage.await_text(mute, stage.last_nonce)


@scenario("ROOM-2")
def test_the_same_words_again(stage: Stage) -> None:
    """One member says the same three times, another says it too, and the first again; then both
    say the same at once, again and again."""
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
    """Eight members, each with up to eight lines under way, in a closed loop."""
    members = stage.join(8)
    talk(stage, members, lines=60, window=8)
    stage.fence(*members)


@scenario("ROOM-4", "ROOM-2")
def test_bursts_of_one_sender(stage: Stage) -> None:
    """One member sends 200 lines at once, alone and then against another that does the same."""
    ann, bob, eve = stage.join(3)
    for talkers in ([ann], [ann, bob]):
        for talker in talkers:
            talker.send("".join(f"{stage.nonce()}\n" for _ in range(200)).encode())
        stage.fence(*talkers)
        stage.fence(eve)


@scenario("ROOM-5", "ROOM-3")
def test_cause_before_effect(stage: Stage) -> None:
    """Each member answers as soon as it has read the one before it, around and around."""
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
    """One after the other quits, ends, breaks off, breaks off within a line, offends; the
    others talk on, be it that they came before or after, and each leaver was speaking when it
    left."""
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
    """Forty members come and go, in every way, while eight talk."""
    members = stage.join(8)
    stage.fence(*members)
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
    """Members quit and go on holding their side of the connection; two talk on."""
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
    """While four have several lines under way, the four who talked before them leave one by one,
    and the four who talk after them come."""
    leavers: list[Client] = []
    talkers = stage.join(4)
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
    """Connections that say no word and are broken off or ended, some at once, some when they have
    heard one, while two talk."""
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
    """Three leave: one quits, one ends its side, and one that has stopped reading says much and
    quits, in one segment. Two talk on half a second later; then the third reads on."""
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
