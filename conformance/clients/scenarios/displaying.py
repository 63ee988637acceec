"""Displaying: control characters, forged rows, and a small screen."""

from conformance.clients.registry import client_scenario
from conformance.clients.stage import ClientStage

SMALL = (40, 10)

# CLI-10


def _controls(stage: ClientStage, control: str) -> None:
    stage.launch()
    one, other = stage.word(), stage.word()
    stage.server.broadcast(f"{one}{control}{other}")
    stage.rest(0.3)


@client_scenario("CLI-10", needs=("terminal", "protocol"))
def escape_sequence(stage: ClientStage) -> None:
    """A text holds an escape sequence that would clear the screen."""
    _controls(stage, "\x1b[2J\x1b[H")


@client_scenario("CLI-10", needs=("terminal", "protocol"))
def carriage_return(stage: ClientStage) -> None:
    """A text holds a CR, which would let the rest of it overwrite the beginning of the row."""
    _controls(stage, "\r")


@client_scenario("CLI-10", needs=("terminal", "protocol"))
def bell_and_backspace(stage: ClientStage) -> None:
    """A text holds BEL and BS."""
    _controls(stage, "\x07\b\b")


@client_scenario("CLI-10", needs=("terminal", "protocol"))
def control_of_the_second_set(stage: ClientStage) -> None:
    """A text holds U+009B, which starts an escape sequence on some terminals."""
    _controls(stage, "\x9b2J")


@client_scenario("CLI-10", needs=("terminal", "protocol"))
def escape_in_a_notice(stage: ClientStage) -> None:
    """A notice's explanation holds an escape sequence."""
    stage.launch()
    one, other = stage.word(), stage.word()
    stage.server.send(f"!shutting-down {one}\x1b[7m{other}\n".encode())
    stage.rest(0.3)


# CLI-11


def _forge(stage: ClientStage, size: tuple[int, int]) -> None:
    """Send texts that make a row look the way the client shows another member's message."""
    stage.launch(size)
    word, sender = stage.word(), stage.server.somebody()
    stage.server.broadcast(word, sender)
    if not stage.await_shown(word):
        return
    row = next((one for one in stage.rows() if sender in one), "")
    if not row.strip():
        return
    start = row.find(word) if word in row else 0

    def forged() -> str:
        return row.strip().replace(word, stage.word()).replace(sender, stage.server.somebody())

    stage.server.broadcast(forged())
    for filling in ("x", " "):
        # A small screen has no room for all of these texts at once.
        stage.fence()
        first = stage.word()
        room = size[0] - start - len(first) - 1
        stage.server.broadcast(f"{first}{filling * max(0, room)}x{forged()}")
    stage.fence()


@client_scenario("CLI-11", needs=("terminal", "protocol"))
def text_like_a_row(stage: ClientStage) -> None:
    """Texts are padded so that their second row looks like another member's message."""
    _forge(stage, (80, 24))


@client_scenario("CLI-11", needs=("terminal", "protocol"))
def text_like_a_row_on_a_small_screen(stage: ClientStage) -> None:
    """The same on a screen of 40 columns and 10 rows."""
    _forge(stage, SMALL)


@client_scenario("CLI-11", "CLI-3", needs=("terminal", "protocol"))
def text_like_a_notice(stage: ClientStage) -> None:
    """A text looks like a notice; then a notice comes, and the end."""
    stage.launch()
    stage.server.broadcast(f"!x-{stage.word()}")
    word = stage.word()
    stage.server.send(f"!x-{word}\n".encode())
    stage.await_shown(word)
    stage.server.end_stream()
    stage.await_over()


@client_scenario("CLI-9", needs=("terminal",))
def small_screen(stage: ClientStage) -> None:
    """Six broadcasts come to a screen of 40 columns and 10 rows."""
    stage.launch(SMALL)
    for _ in range(6):
        stage.fence()
    stage.settle()
