"""Receiving: units split and joined by segments, notices, heartbeats, long texts."""

from typing import Final

from conformance.clients.registry import client_scenario
from conformance.clients.stage import ClientStage

MARKS: Final = 'it\'s "so" \\n <b>&amp;</b> 100% {x} $HOME `a` #1'
WIDE: Final = "é ñ 你好 Ω"


@client_scenario("CLI-9", "CLI-2", "CLI-5", "CLI-4")
def first(stage: ClientStage) -> None:
    """Another member sends a message, then the user does, then another member again."""
    stage.launch()
    stage.settle()
    stage.fence()


# CLI-1


@client_scenario("CLI-1")
def header_and_text_apart(stage: ClientStage) -> None:
    """A broadcast's header comes in one segment, its text in the next."""
    stage.launch()
    word = stage.word()
    octets = stage.server.unit(word)
    stage.server.send(octets, cuts=(octets.index(b"\n") + 1,))
    stage.await_shown(word)
    stage.fence()


@client_scenario("CLI-1")
def octet_by_octet(stage: ClientStage) -> None:
    """The first and the last octets of a broadcast come in segments of their own."""
    stage.launch()
    word = stage.word()
    octets = stage.server.unit(word)
    stage.server.send(octets, cuts=(1, 2, *range(len(octets) - 12, len(octets))))
    stage.await_shown(word)
    stage.fence()


@client_scenario("CLI-1")
def half_a_character(stage: ClientStage) -> None:
    """Segments end within characters of two, three and four octets."""
    stage.launch()
    for char in ("é", "你", "😀"):
        word, end = stage.word(), stage.word()
        octets = stage.server.unit(f"{word} {char} {end}")
        cut = octets.index(char.encode()) + 1
        stage.server.send(octets, cuts=(cut,))
        stage.await_shown(end)


@client_scenario("CLI-1")
def several_in_one_segment(stage: ClientStage) -> None:
    """Five broadcasts, with heartbeats between them, come in one segment."""
    stage.launch()
    words = [stage.word() for _ in range(5)]
    stage.server.send(b"\n".join(stage.server.unit(word) for word in words))
    stage.await_shown(words[-1])
    stage.fence()


@client_scenario("CLI-1")
def one_and_a_half(stage: ClientStage) -> None:
    """A segment ends within the second of two broadcasts."""
    stage.launch()
    one, other = stage.word(), stage.word()
    octets = stage.server.unit(one) + stage.server.unit(other)
    stage.server.send(octets, cuts=(len(octets) - 4,))
    stage.await_shown(other)
    stage.fence()


@client_scenario("CLI-1")
def only_lf_ends_a_line(stage: ClientStage) -> None:
    """A text holds U+2028, and after it something that looks like another member's broadcast."""
    stage.launch()
    one, other = stage.word(), stage.word()
    fake = stage.server.unit("", stage.server.somebody()).decode().partition("\n")[0]
    stage.server.broadcast(f"{one}\u2028{fake}\u2028{other}")
    stage.await_shown(one)
    stage.fence()


@client_scenario("CLI-1")
def text_like_another_unit(stage: ClientStage) -> None:
    """One text looks like a header, one like a notice, one like quit; then a plain one comes."""
    stage.launch()
    for form in ("20240229 23:59:59 {}", "!shutting-down {}", "quit {}"):
        word = stage.word()
        stage.server.broadcast(form.format(word))
        stage.await_shown(word)
    stage.fence()


# CLI-3


@client_scenario("CLI-3")
def unknown_notice(stage: ClientStage) -> None:
    """A notice with a code of a later edition comes, then the end of stream."""
    _notice(stage, f"!moved {stage.word()} to port 9998")


@client_scenario("CLI-3")
def unknown_notice_without_words(stage: ClientStage) -> None:
    """A notice with a private code and no explanation comes, then the end of stream."""
    _notice(stage, f"!x-{stage.word()}")


@client_scenario("CLI-3")
def known_notice(stage: ClientStage) -> None:
    """A notice with a code of this edition comes, then the end of stream."""
    _notice(stage, f"!shutting-down {stage.word()}")


def _notice(stage: ClientStage, notice: str) -> None:
    stage.launch()
    stage.server.send(f"{notice}\n".encode())
    stage.await_shown(stage.word_in(notice))
    stage.server.end_stream()
    stage.await_over()


# CLI-5


@client_scenario("CLI-5")
def shows_while_its_user_is_silent(stage: ClientStage) -> None:
    """Three broadcasts come one by one; the user types nothing."""
    stage.launch()
    for _ in range(3):
        stage.fence()


@client_scenario("CLI-5", "CLI-2")
def sends_while_nothing_comes(stage: ClientStage) -> None:
    """Three lines are typed; the server sends nothing until it has them all."""
    stage.launch()
    stage.server.echoes = False
    words = [stage.word() for _ in range(3)]
    for word in words:
        stage.say(word)
        stage.await_said(word)
    stage.fence()


@client_scenario("CLI-5", needs=("keys",))
def half_a_line_typed(stage: ClientStage) -> None:
    """Broadcasts come while a line is half typed; then it is completed."""
    stage.launch()
    word = stage.word()
    stage.type_part(word[:4])
    stage.fence()
    stage.fence()
    stage.complete(word[:4], word[4:])
    stage.await_said(word)
    stage.fence()


# CLI-9


@client_scenario("CLI-9")
def many_in_order(stage: ClientStage) -> None:
    """Eight broadcasts of three members come without a pause."""
    stage.launch()
    senders = [stage.server.somebody() for _ in range(3)]
    for number in range(8):
        stage.server.broadcast(stage.word(), senders[number % 3])
    stage.fence()


@client_scenario("CLI-9")
def the_same_words_again(stage: ClientStage) -> None:
    """A member sends the same text twice, and another member sends it too."""
    stage.launch()
    word, sender = stage.word(), stage.server.somebody()
    for one in (sender, sender, stage.server.somebody()):
        stage.server.broadcast(word, one)
    stage.fence()


@client_scenario("CLI-9", needs=("protocol",))
def heartbeats(stage: ClientStage) -> None:
    """Heartbeats come alone, several at once, and between broadcasts."""
    stage.launch()
    for _ in range(3):
        stage.fence()
    stage.server.send(b"\n")
    stage.server.send(b"\n\n\n")
    stage.fence()
    stage.settle()


@client_scenario("CLI-9")
def forms_of_sender(stage: ClientStage) -> None:
    """Broadcasts come from an IPv6 address and from a member of a Unix-domain socket."""
    stage.launch()
    for sender in ("[2001:db8::25]:51413", "unix:7305"):
        word = stage.word()
        stage.server.broadcast(word, sender)
        stage.await_shown(word)
    stage.fence()


@client_scenario("CLI-9")
def the_text_as_it_came(stage: ClientStage) -> None:
    """Texts hold quotes, backslashes, markup, and letters of several scripts."""
    stage.launch()
    for text in (MARKS, WIDE):
        one, other = stage.word(), stage.word()
        stage.server.broadcast(f"{one} {text} {other}")
        stage.await_shown(other)
    stage.fence()


@client_scenario("CLI-9", "CLI-2")
def its_own_words(stage: ClientStage) -> None:
    """The user sends three lines; other members talk in between."""
    stage.launch()
    for _ in range(3):
        stage.settle()


# CLI-12


@client_scenario("CLI-12")
def longest_text(stage: ClientStage) -> None:
    """A text of 3,072 octets comes: a line of 1,024 unsafe octets made safe."""
    stage.launch()
    one, other = stage.word(), stage.word()
    stage.server.broadcast(f"{one} {chr(0xFFFD) * 1_018} {other}")
    stage.await_shown(other)
    stage.fence()


@client_scenario("CLI-12")
def text_of_a_whole_line(stage: ClientStage) -> None:
    """A text of 1,024 octets comes, and one of 1,025."""
    stage.launch()
    for size in (1_024, 1_025):
        one, other = stage.word(), stage.word()
        stage.server.broadcast(f"{one} {'x' * (size - 2 - len(one) - len(other))} {other}")
        stage.await_shown(other)
    stage.fence()
