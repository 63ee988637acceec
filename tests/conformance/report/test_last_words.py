"""What is kept of what a server printed: the lines that name the error."""

from dataclasses import replace

import pytest

from conformance.driver.interruption import TOO_SLOW
from conformance.oracle import Outcome, judge
from conformance.report.build import judged
from conformance.report.last_words import done_before_death, head_of_error, last_words
from conformance.scenarios.registry import scenarios
from conformance.transcript.events import Exited, Finish, HalfClosed, Printed
from tests.conformance.samples import altered, events_of
from tests.conformance.scene import START, Scene, chat

PYTHON = """\
listening
Exception in thread Thread-1 (handle):
Traceback (most recent call last):
  File "/usr/lib/python3.11/threading.py", line 1045, in _bootstrap_inner
    self.run()
  File "/home/x/server.py", line 18, in handle
    for one in members:
  File "/usr/lib/python3.11/socket.py", line 3, in send
    raise
RuntimeError: dictionary changed size during iteration
"""
RUST = """\
thread 'main' panicked at src/main.rs:10:5:
called `Result::unwrap()` on an `Err` value: Os { code: 104 }
stack backtrace:
   0: rust_begin_unwind
             at /rustc/abc/library/std/src/panicking.rs:652:5
   3: server::handle
             at ./src/main.rs:10:5
note: Some details are omitted
"""
JAVA = """\
Exception in thread "main" java.util.ConcurrentModificationException
\tat java.util.ArrayList$Itr.next(ArrayList.java:1013)
\tat Server.broadcast(Server.java:44)
\tat Server.main(Server.java:12)
Caused by: java.io.IOException: Broken pipe
"""
GO = """\
panic: runtime error: index out of range [0] with length 0

goroutine 18 [running]:
main.handle(0xc0000a)
\t/tmp/s.go:33 +0x1d
"""
NODE = """\
/home/x/server.js:12
    sock.write(x.y.z);
               ^

TypeError: Cannot read properties of undefined (reading 'y')
    at Socket.emit (node:events:517:28)
    at Socket.<anonymous> (/home/x/server.js:12:16)

Node.js v18.1
"""


@pytest.mark.parametrize(
    ("printed", "first", "last"),
    [
        (PYTHON, '  File "/home/x/server.py", line 18, in handle', PYTHON.splitlines()[-1]),
        (RUST, RUST.splitlines()[0], "             at ./src/main.rs:10:5"),
        (JAVA, JAVA.splitlines()[0], JAVA.splitlines()[-1]),
        (GO, GO.splitlines()[0], "\t/tmp/s.go:33 +0x1d"),
        (NODE, NODE.splitlines()[4], "    at Socket.<anonymous> (/home/x/server.js:12:16)"),
        ("up\nSegmentation fault (core dumped)\n", "Segmentation fault (core dumped)", None),
    ],
)
def test_the_head_of_an_error_is_kept(printed: str, first: str, last: str | None) -> None:
    kept = head_of_error(printed)
    assert kept[0] == first
    assert kept[-1] == (last or first)
    assert len(kept) <= 4
    assert not any("rustc" in line or "java.util.ArrayList" in line for line in kept)
    assert last_words(printed) == kept


def test_what_is_no_error_is_none() -> None:
    printed = "ERROR: c3 vanished\nlistening\n"
    assert head_of_error(printed) == []
    assert last_words(printed) == printed.splitlines()
    assert len(last_words("".join(f"{n}\n" for n in range(99)))) == 6
    assert last_words("x\n" * 99) == ["x"]


def test_of_several_errors_the_last_ended_the_server() -> None:
    assert head_of_error(PYTHON + GO) == head_of_error(PYTHON)
    assert last_words(PYTHON + GO) == head_of_error(GO)


_STOPPED = """\
bye
Exception in callback serve.<locals>.callback(<Task cancelled>) at streams.py:248
handle: <Handle serve.<locals>.callback(<Task cancelled>) at streams.py:248>
Traceback (most recent call last):
  File "/home/x/server.py", line 34, in <lambda>
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
SystemExit: 0

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/home/x/server.py", line 16, in serve
    line = await reader.readline()
asyncio.exceptions.CancelledError
"""


def test_a_program_that_ends_as_it_means_to_has_printed_no_error() -> None:
    events = events_of(altered())
    [scenario] = (one for one in scenarios() if one.id == "room/everyone-speaks-at-once")
    cut = _STOPPED.partition("SystemExit")[0] + "…\n"
    of_an_error = [PYTHON.splitlines()[5].strip()]
    for printed, first in ((_STOPPED, []), (cut, []), (_STOPPED + PYTHON, of_an_error)):
        events[-2:-1] = [events[-2], Printed(events[-1].t, printed)]
        result = judged(scenario, judge(events), None, events)
        assert [one.printed[0].strip() for one in result.findings if one.printed][:1] == first
        assert result.printed[0] == "bye"
        assert "SystemExit: 0" not in result.printed


def test_a_machine_that_outlives_its_main_thread_died_of_what_ended_that() -> None:
    other = JAVA.replace('"main"', '"Thread-7"').replace("Broken pipe", "Connection reset")
    assert last_words(other + JAVA + other) == head_of_error(JAVA)


def test_a_place_in_a_library_alone_says_nothing() -> None:
    without = "".join(line for line in RUST.splitlines(True) if "main.rs:10:5\n" not in line[4:])
    assert last_words(without) == RUST.splitlines()[:2]
    library = "\t/usr/lib/go-1.19/src/bufio/bufio.go:140 +0x27\n"
    assert last_words(GO.replace("main.handle", f"bufio.Peek(...)\n{library}main.handle")) == (
        head_of_error(GO)
    )


def _died() -> Scene:
    scene = chat("ann", "bob")
    scene.send("ann", b"\xff\xf4\n")
    scene.reset("ann")
    scene.reset("bob")
    return scene


def test_a_finding_has_the_server_s_last_words_and_what_was_done_to_it() -> None:
    scene = _died()
    events = [*scene.events, Exited(scene.now, 1), Printed(scene.now, PYTHON), Finish(scene.now)]
    [scenario] = (one for one in scenarios() if one.id == "room/everyone-speaks-at-once")
    result = judged(scenario, judge(events), None, events)
    [death] = (one for one in result.findings if one.kind == "died")
    assert death.printed[-1] == "RuntimeError: dictionary changed size during iteration"
    assert death.before == r"ann sent \xff\xf4\n"
    assert result.printed[0] == "listening"


def test_a_server_that_lives_on_has_its_error_beside_the_finding() -> None:
    events = events_of(altered())
    events.insert(-1, Printed(events[-1].t, GO))
    [scenario] = (one for one in scenarios() if one.id == "room/everyone-speaks-at-once")
    result = judged(scenario, judge(events), None, events)
    assert result.findings
    assert {one.printed[0] for one in result.findings} == {GO.splitlines()[0]}
    assert not any(one.before for one in result.findings)


def test_what_was_done_last_may_be_no_octets() -> None:
    scene = chat("ann")
    events = [*scene.events, HalfClosed(scene.now, "ann"), Exited(scene.now, 1)]
    assert done_before_death(events) == "ann half-closed its connection"
    assert done_before_death([replace(START)]) == ""


def test_what_a_scenario_is_about_is_unknown_if_another_failure_broke_it_off() -> None:
    scene = _died()
    events = [*scene.events, Exited(scene.now, 1), Finish(scene.now)]
    scenario = next(one for one in scenarios() if one.requirements[0] == "LIM-3")
    result = judged(scenario, judge(events), "ann was disconnected", events)
    assert result.status == "fail"
    [untold] = (one for one in result.findings if one.requirement == "LIM-3")
    assert (untold.outcome, untold.actual) == (Outcome.UNKNOWN, "ann was disconnected")
    whole = judged(scenario, judge(events), None, events)
    assert not any(one.requirement == "LIM-3" for one in whole.findings)


def test_what_a_scenario_gave_up_for_want_of_time_is_unknown_whatever_else_failed() -> None:
    events = events_of(altered())
    [scenario] = (one for one in scenarios() if one.id == "room/everyone-speaks-at-once")
    judgement = judge(events)
    assert judgement.exercised["ROOM-2"]
    for stuck, untold in (("ann was disconnected", False), (f"{TOO_SLOW} within 12 s", True)):
        result = judged(scenario, judgement, stuck, events)
        assert result.status == "fail"
        unknown = {one.requirement for one in result.findings if one.outcome is Outcome.UNKNOWN}
        assert ("ROOM-2" in unknown) is untold
