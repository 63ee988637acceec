"""Leaving, and servers that close, reset, refuse, or speak another protocol."""

from conformance.clients.registry import client_scenario
from conformance.clients.stage import ClientStage

# CLI-6


@client_scenario("CLI-6", "CLI-8", needs=("protocol",))
def leaves_as_it_says(stage: ClientStage) -> None:
    """The user leaves; two broadcasts come, then the end of stream."""
    stage.launch()
    stage.server.lets_go = False
    stage.depart()
    _owe_and_end(stage)


@client_scenario("CLI-6", "CLI-8", needs=("protocol",))
def leaves_with_its_input(stage: ClientStage) -> None:
    """The client's input ends; two broadcasts come, then the end of stream."""
    stage.launch()
    stage.server.lets_go = False
    stage.end_input()
    stage.await_left()
    _owe_and_end(stage)


@client_scenario("CLI-6", needs=("protocol",))
def leaves_right_after_a_line(stage: ClientStage) -> None:
    """The user types a line and leaves at once: the line is sent, and all that comes is shown."""
    stage.launch()
    stage.server.lets_go = False
    word = stage.word()
    stage.say(word)
    stage.depart()
    stage.await_said(word)
    _owe_and_end(stage)


@client_scenario("CLI-6", waits=8.0, needs=("protocol",))
def silence_after_leaving(stage: ClientStage) -> None:
    """The user leaves; the server is silent for some seconds, then sends broadcasts and closes."""
    stage.launch()
    stage.server.lets_go = False
    if stage.depart():
        stage.rest(stage.use.silence)
    _owe_and_end(stage)


@client_scenario("CLI-6", needs=("pipe", "protocol"))
def input_without_its_last_lf(stage: ClientStage) -> None:
    """The client's input ends within a line."""
    stage.launch()
    stage.settle()
    word = stage.word()
    stage.end_input(word)
    stage.await_left()
    stage.await_over()


def _owe_and_end(stage: ClientStage) -> None:
    if not stage.has_exited:
        stage.fence()
        stage.fence()
        stage.server.end_stream()
        stage.await_over()


# CLI-7


@client_scenario("CLI-7", "CLI-8", needs=("protocol",))
def server_ends(stage: ClientStage) -> None:
    """The server closes in order, without a notice."""
    stage.launch()
    stage.settle()
    stage.server.end_stream()
    stage.rest(1.0)
    stage.await_over()


@client_scenario("CLI-7", "CLI-8", needs=("protocol",))
def server_resets(stage: ClientStage) -> None:
    """The server resets the connection."""
    stage.launch()
    stage.settle()
    stage.server.reset()
    stage.rest(1.0)
    stage.await_over()


@client_scenario("CLI-7", "CLI-8", needs=("protocol",))
def nobody_listens(stage: ClientStage) -> None:
    """No server listens at the address. Two seconds later one does."""
    stage.launch(refused=True)
    stage.rest(2.0)
    stage.server.listen()
    stage.await_over()


@client_scenario("CLI-7", needs=("protocol",))
def end_within_a_text(stage: ClientStage) -> None:
    """The stream ends before the LF of a text."""
    stage.launch()
    word = stage.word()
    stage.server.send(stage.server.unit(word).removesuffix(b"\n"))
    stage.server.end_stream()
    stage.await_over()


@client_scenario("CLI-7", needs=("protocol",))
def end_after_a_header(stage: ClientStage) -> None:
    """The stream ends between a header and its text."""
    stage.launch()
    stage.server.send(stage.server.unit("").removesuffix(b"\n"))
    stage.server.end_stream()
    stage.await_over()


@client_scenario("CLI-7", needs=("protocol",))
def greeting(stage: ClientStage) -> None:
    """The server greets like one of another protocol, then goes on as chatproto/1."""
    stage.launch(ready=False)
    stage.server.send(b"220 zz9.example ESMTP ready\n")
    _garbage(stage)


@client_scenario("CLI-7", needs=("protocol",))
def no_unit(stage: ClientStage) -> None:
    """A line that is no unit comes among broadcasts."""
    stage.launch()
    stage.server.send(b"* zz9 has joined\n")
    _garbage(stage)


def _garbage(stage: ClientStage) -> None:
    stage.server.broadcast(stage.word())
    stage.rest(1.0)
    if not stage.has_exited:
        stage.server.end_stream()
        stage.await_over()
