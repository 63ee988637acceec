"""Sending: the lines that a user types, lines that look like commands, lines that are too long."""

from conformance.clients.registry import client_scenario
from conformance.clients.scenarios.hearing import MARKS, WIDE
from conformance.clients.stage import ClientStage

# CLI-2


@client_scenario("CLI-2", needs=("protocol",))
def lines_in_order(stage: ClientStage) -> None:
    """Six lines are typed without a pause."""
    stage.launch()
    words = [stage.word() for _ in range(6)]
    for word in words:
        stage.say(word)
    stage.await_said(words[-1])
    stage.fence()


@client_scenario("CLI-2", needs=("protocol",))
def the_text_as_it_was_said(stage: ClientStage) -> None:
    """Texts hold spaces, quotes, backslashes, markup, and letters of several scripts."""
    stage.launch()
    for text in (f"{MARKS}  two spaces", WIDE, "QUIT", "quit now"):
        word = stage.word()
        stage.say(f"{word} {text}")
        stage.await_said(word)
    stage.fence()


@client_scenario("CLI-2", needs=("protocol",))
def white_space_at_the_ends(stage: ClientStage) -> None:
    """A line with spaces at both ends is typed."""
    stage.launch()
    word = stage.word()
    stage.say(f"  {word}  ")
    stage.await_said(word)
    stage.settle()


@client_scenario("CLI-2", needs=("protocol",))
def enter_alone(stage: ClientStage) -> None:
    """Enter is pressed on an empty line, and on one of spaces."""
    stage.launch()
    stage.settle()
    stage.say("")
    stage.say("   ")
    stage.settle()


@client_scenario("CLI-2", needs=("protocol",))
def quit_as_a_word(stage: ClientStage) -> None:
    """The line `quit` is typed into a client with another way to leave."""
    stage.launch()
    stage.settle()
    if stage.use.leave != "quit":
        stage.say("quit")
        stage.await_told()
    stage.settle()


@client_scenario("CLI-2", needs=("protocol",))
def pasted_lines(stage: ClientStage) -> None:
    """Two lines are pasted at once."""
    stage.launch()
    stage.settle()
    one, other = stage.word(), stage.word()
    stage.paste(one, other)
    stage.await_said_or_told(other)
    stage.settle()


@client_scenario("CLI-2", needs=("protocol",))
def nothing_of_its_own(stage: ClientStage) -> None:
    """The user types nothing while others talk: the client has nothing to send."""
    stage.launch()
    for _ in range(3):
        stage.fence()
    stage.settle()


# CLI-4


@client_scenario("CLI-4", "CLI-2", needs=("protocol",))
def longest_line(stage: ClientStage) -> None:
    """A line of 1,024 octets is typed."""
    stage.launch()
    stage.settle()
    word = stage.word()
    stage.say(f"{word} {'x' * (1_023 - len(word))}")
    stage.await_said_or_told(word)
    stage.settle()


@client_scenario("CLI-4", needs=("protocol",))
def line_that_does_not_fit(stage: ClientStage) -> None:
    """A line of 1,500 octets is typed."""
    stage.launch()
    stage.settle()
    word = stage.word()
    stage.say(f"{word} {'x' * (1_499 - len(word))}")
    stage.await_told()
    stage.settle()


@client_scenario("CLI-4", needs=("protocol",))
def characters_that_do_not_fit(stage: ClientStage) -> None:
    """A line of 500 characters, of three octets each, is typed."""
    stage.launch()
    stage.settle()
    stage.say(f"{stage.word()} {chr(0x4F60) * 500}")
    stage.await_told()
    stage.settle()


@client_scenario("CLI-4", needs=("pipe", "protocol"))
def octets_that_are_not_utf8(stage: ClientStage) -> None:
    """A line in ISO 8859-1 is piped in. It is refused, or sent as UTF-8. The next line is sent."""
    stage.launch()
    stage.settle()
    stage.pipe(f"{stage.word()} café".encode("latin-1"))
    stage.settle()


@client_scenario("CLI-4", "CLI-2", needs=("protocol",))
def utf8_whatever_is_typed(stage: ClientStage) -> None:
    """Characters of two, three and four octets are typed."""
    stage.launch()
    stage.settle()
    for char in ("é", "你", "😀"):
        word = stage.word()
        stage.say(f"{word} {char}")
        stage.await_said(word)
    stage.settle()
