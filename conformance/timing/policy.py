"""The timing policy: everything that stretches, shortens or excuses a deadline.

Where a scenario is played on a server, nothing else decides how long to wait for an answer or what
counts as late; starting, probing, watching and judging clients have times of their own. When one is
played again with longer deadlines, `runner/player.py` says. Each rule names the false positive that
it prevents. All are seconds, unless they say otherwise; those marked *scaled* are
multiplied by the run's `--timeout-factor`, and where a scenario is retried by its leeway as well.
The numbers of the standard itself are in `standard/constants.py`: no rule here changes them.
"""

from typing import Final

# How long to wait for what should come.

PATIENCE: Final = 3.0
"""Silence after which what is awaited counts as lost; *scaled*. It is counted from the last octet
that came or that the server took, so a slow server is not accused of losing messages."""
SHORTENED: Final = 0.4
"""The least that silence may last once a server has let the suite wait in vain; *scaled*. A slow
answer on a busy machine is not taken for none."""
GAPS: Final = 3
"""Times the longest silence before something came that a shortened wait lasts. A server that is
slow by nature is given its time."""
UNSAID: Final = 4
"""Times the patience for which octets that nobody said (heartbeats, notices) keep a wait alive. A
server that sends nothing else is not waited for without end."""
IN_TRANSIT: Final = 30.0
"""How long nothing may come to a client that reads while the server's kernel holds octets for it;
*scaled*. A kernel that could not deliver tries again after twice as long each time, and on a busy
machine that is longer than patience: the server has not lost them."""
CONNECTING: Final = 1.0
"""How much longer than patience lasts a connection is waited for; *scaled*. A kernel whose queue is
full drops it, and the client's tries again after one second and after three."""
UNHEARD: Final = 1.0
"""How long a line takes to be read when nobody is left to hear it; *scaled*. Where a read is a
message, two lines sent too soon would share one, and their sender would be said to lose them."""
READ: Final = 0.05
"""The least time that a line which is not heard had to be read, once the server's system holds
nothing of it any more; *scaled*, and `GAPS` times what a line took to be heard last. One
that reads ahead would take two lines for one."""
MUTTERING: Final = 2
"""Lines in a row that a client may say unheard, where a read is a message, and still keep a wait
alive. Some are heard by nobody in a dialect; who is never heard again is not waited for until all
that it has to say is said."""
HEARING: Final = 0.02
"""How often a client that must be heard speaks again. A server may admit a connection some time
after it was made (ROOM-1), and is not accused of losing what was said before."""
LETTING_GO: Final = 1.0
"""How long the clients of a scenario wait to be let go at its end, so that nothing of it reaches
the clients of the next."""
HELD: Final = 0.1
"""The same where the server is known to let go of nobody: all are broken off then."""
NEWCOMER: Final = 1.0
"""The patience with the newcomers of a teardown check; *scaled*. It decides only whether the
server is replaced, and is no finding."""
DYING: Final = 0.5
"""How long a process may take to end after it has let go of every client. A crash is attributed to
the scenario that caused it, not to the next one."""

REST: Final = 0.5
"""How long the processor time of a server is counted to which nothing is said."""
STARVED_REST: Final = 2.0
"""The longest that this takes where the server is not let run: one that does nothing waits for no
processor, and one that spins is found all the same."""
RESTS: Final = 6
"""How often it is counted until it is small once. A server that is still busy with what was said,
or that tidies up now and then, is not accused of spinning."""

WAVES: Final = 3
"""How many waves of members in succession must leave descriptors behind before a server counts as
keeping them. One that opens what it needs at the first need is not accused."""

# What counts as late.

PROMPT: Final = 1.5
"""The longest that a broadcast takes which nothing delays; *scaled*, and `ROUND_TRIPS` on top."""
HICCUP: Final = 0.5
"""What a broadcast may take now and then; *scaled*, and `ROUND_TRIPS` on top. Machines hiccup."""
NOW_AND_THEN: Final = 1 / 8
"""The part of the time that broadcasts may take which take longer than a hiccup."""
ROUND_TRIPS: Final = 20
"""Median round trips by which a broadcast may be later. A far or slow server is late for
everybody, and delays nobody for another."""
AWAY: Final = 0.1
"""Time that passed unseen by the suite, from which on the transcript notes it. What the suite
itself slept through is no delay of the server's."""
UNDISTURBED: Final = 2.0
"""The longest that members may hear nothing, though others talk, when a node without them ends;
*scaled*. A log that hands a lease on stands still for a moment."""
LAST_LINE: Final = 1.0
"""How long after the signal to stop a server may accept lines; *scaled*. The signal may reach it
late."""
ABORT: Final = 1.0
"""How long after the 3 s of STOP-1 a process may take to abort the rest and to end; *scaled*."""
ON_ITS_WAY: Final = 0.5
"""How long a broadcast may be on its way to one member when others have it. A server that stops in
this time has not lost it."""
TOGETHER: Final = 0.1
"""How close two lines are said that count as said at the same time."""
SILENT: Final = 0.9
"""How long a client was silent that was ended for being silent: a server counts 1 s from the
accept, and the suite may note the connection late."""

# What a failure by time alone, or on a busy machine, is retried with.

DISTURBED: Final = 1 / 8
"""The part of a wait in vain for which the suite itself was not let run, from which on what rests
on it is played again. On a machine as busy as that a sound server may be late as well. So is what
rests on any wait in vain while a launched server was `STARVED`."""
AGAIN: Final = 3.0
"""What deadlines are multiplied by then."""
MOST_LEEWAY: Final = 10.0
"""What a retry multiplies deadlines by at most."""
BASELINE: Final = 2
"""Times the baseline latency (the longest idle echo) that a hiccup is stretched to in a retry. A
server or a machine that is always slow is not accused of letting members wait for each other."""
BUSY: Final = 4.0
"""How much longer than alone work may take on the machine before a stop's deadlines are stretched.
A machine that lets the server run for less than a quarter of the time makes it stop late."""
STARVED: Final = 0.5
"""How long a server must have been ready to run without running to count as starved. A server that
only sleeps is late through its own fault."""

# Budgets.

JUDGING: Final = 3.0
"""The part of a run's time limit kept for judging what was played by then."""
WRITING: Final = 1.0
"""The end of a run's time limit, kept for writing its reports."""

BULK: Final = 12.0
"""How long a scenario may take to make a backlog; *scaled*, and a third of the time that the run
has left where that is more. What a server is too slow for is
unknown: whether the backlog of a stalled reader has a bound has not been seen."""
SHRINKING: Final = 20.0
"""How long a program is shrunk."""
SHRINKING_LEEWAY: Final = 0.2
"""Part of the deadlines that is waited while a program is shrunk. The count that follows waits in
full, and so finds out what was only late."""
COUNTING: Final = 15.0
"""How long the failures of a program are counted; *scaled*."""


def leeway_for(baseline: float, factor: float) -> float:
    """What a retry multiplies deadlines by, given the baseline latency in seconds; 1 or more."""
    return min(MOST_LEEWAY, max(1.0, BASELINE * baseline / (HICCUP * factor)))
