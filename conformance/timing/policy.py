"""The timing policy: everything that stretches, shortens or excuses a deadline.

While a scenario is played on a server, nothing else decides how long to wait for an answer or what
counts as late. Starting, probing, watching and judging clients have times of their own.
`runner/player.py` decides when a scenario is played again with longer deadlines.

Each rule names the false positive that it prevents. All numbers are seconds, unless they say
otherwise. Those marked *scaled* are multiplied by the run's `--timeout-factor`, and by its leeway
when a scenario is played again. The numbers of the standard itself are in `standard/constants.py`:
no rule here changes them.
"""

from typing import Final

# How long to wait for what should come.

PATIENCE: Final = 3.0
"""How long a silence may last before what is awaited counts as lost; *scaled*. It counts from the
last octet that came or that the server took: a slow server is not accused of losing messages."""
SHORTENED: Final = 0.3
"""The least that a silence may last once the suite has waited in vain; *scaled*. A slow answer on a
busy machine is not taken for a missing one."""
GAPS: Final = 3
"""How many times longer a shortened wait is than the longest silence before something came, but
for one silence in a hundred. A server that is often slow is given its time; what a machine delays
once prolongs no other wait."""
UNSAID: Final = 4
"""How many times the patience octets that nobody said (heartbeats, notices) can extend a wait to.
The suite does not wait for ever for a server that sends nothing else."""
IN_TRANSIT: Final = 30.0
"""How long a reading client may receive nothing while the server's kernel holds octets for it;
*scaled*. A kernel that could not deliver them doubles the time before each next try. On a busy
machine that exceeds the patience, and the server has lost nothing."""
CONNECTING: Final = 1.0
"""How much longer than the patience connecting may take; *scaled*. A kernel whose queue is full
drops the attempt, and the client's kernel tries again after one second and after three."""
CROWDED: Final = 0.5
"""How long a connection takes at least if the queue was full, which costs a second each time."""
APART: Final = 0.005
"""How far apart a scenario's clients then connect at first; twice as far each time that the queue
is full again."""
UNHEARD: Final = 1.0
"""How long the server has to read a line that nobody is left to hear; *scaled*. If a read is a
message, two lines sent too close together would share one, and would seem to be lost."""
READ: Final = 0.05
"""How long to wait after an unheard line has left the server's system, before the next is sent;
*scaled*, and at least `GAPS` times as long as the last line took to be heard. A server that reads
ahead would take two lines for one."""
MUTTERING: Final = 2
"""How many lines in a row a client may say unheard, if a read is a message, and still extend a
wait. In a dialect some lines are heard by nobody; the suite does not wait for a client that is
never heard again to say everything."""
HEARING: Final = 0.02
"""Time between two words of a client that must be heard. A server may admit a connection some time
after it was made (ROOM-1), and is not accused of losing what was said before."""
LETTING_GO: Final = 1.0
"""How long the clients of a scenario wait at its end for the server to close their connections, so
that nothing of it reaches the clients of the next."""
HELD: Final = 0.1
"""The same for a server that is known to close no connection: all clients then reset theirs."""
NEWCOMER: Final = 1.0
"""The patience with the newcomers of a teardown check; *scaled*. It decides only whether the
server is replaced, and is no finding."""
DYING: Final = 0.5
"""How long a process may take to end after it has let go of every client. A crash is attributed to
the scenario that caused it, not to the next one."""

REST: Final = 0.5
"""How long the processor time of an idle server is measured."""
STARVED_REST: Final = 2.0
"""The longest that this measurement takes if the server is not let run. A server that does nothing
waits for no processor, and one that spins is found all the same."""
RESTS: Final = 6
"""How often it is measured until it is small once. A server that is still busy with what was said,
or that tidies up now and then, is not accused of spinning."""

WAVES: Final = 3
"""How many waves of members in succession must leave descriptors behind before a server counts as
keeping them. One that opens what it needs at the first need is not accused."""

# What counts as late.

PROMPT: Final = 1.5
"""The longest that a broadcast may take if nothing delays it; *scaled*, and `ROUND_TRIPS` more."""
HICCUP: Final = 0.5
"""What a broadcast may take now and then; *scaled*, and `ROUND_TRIPS` more. Machines hiccup."""
NOW_AND_THEN: Final = 1 / 8
"""The part of the time that broadcasts longer than a hiccup may take in all."""
ROUND_TRIPS: Final = 20
"""How many median round trips later a broadcast may come. A far or slow server is late for
everybody, and delays no member for another."""
AWAY: Final = 0.1
"""The shortest time without a look that the transcript notes. What the suite itself slept through
is no delay of the server's."""
UNDISTURBED: Final = 2.0
"""The longest that members may hear nothing, though others talk, when a node that is not theirs
ends; *scaled*. A log that passes on a lease stands still for a moment."""
LAST_LINE: Final = 1.0
"""How long after the signal to stop a server may accept lines; *scaled*. The signal may reach it
late."""
ABORT: Final = 1.0
"""How long after the 3 s of STOP-1 a process may take to abort the rest and to end; *scaled*."""
ON_ITS_WAY: Final = 0.5
"""How long a broadcast may be on its way to one member when others have it. A server that stops in
this time has not lost it."""
AT_ONCE: Final = 0.25
"""How soon after more was said a message must come, again and again, to count as held back until
then; *scaled*. A server that stood still and then goes on by itself is late, and has lost
nothing."""
TOGETHER: Final = 0.1
"""How close together two lines are that count as said at the same time."""
SILENT: Final = 0.9
"""How long a client must have been silent to count as disconnected for its silence. A server counts
1 s from the accept, and the suite may note the connection late."""
LONG_SILENT: Final = 3.0
"""How long clients must have been silent to count as disconnected for it although much was going
on."""

# What a failure by time alone, or on a busy machine, is retried with.

DISTURBED: Final = 1 / 8
"""The part of a wait in vain for which the suite itself was not let run, from which on the scenario
is played again: on so busy a machine a sound server may be late as well. A scenario is also played
again after any wait in vain while a launched server was starved for a `STARVED_PART` of it. A
shortened wait decides nothing, and is none of them."""
AGAIN: Final = 3.0
"""What deadlines are multiplied by when such a scenario is played again."""
MOST_LEEWAY: Final = 10.0
"""What a retry multiplies deadlines by at most."""
BASELINE: Final = 2
"""How many times the baseline latency (the longest idle echo) a hiccup may last in a retry. A
server or a machine that is always slow is not accused of letting members wait for each other."""
BUSY: Final = 4.0
"""How many times longer than on an idle machine work may take before a stop's deadlines are
stretched. A machine that lets the server run for less than a quarter of the time makes it stop
late."""
STARVED: Final = 0.5
"""How long a server must have been ready to run, and not run, for a stop's deadlines to be
stretched. A server that only sleeps is late through its own fault."""
STARVED_PART: Final = 1 / 2
"""The part of a wait in vain for which the server must have been ready to run, and not run, for the
scenario to be played again. Its delays add up to that; shorter ones do not explain the silence."""

# Budgets.

JUDGING: Final = 3.0
"""The part of a run's time limit kept for judging what was played by then."""
WRITING: Final = 1.0
"""The end of a run's time limit, kept for writing its reports."""

BULK: Final = 12.0
"""How long a scenario may take to make a backlog; *scaled*, or a third of the time that the run has
left if that is more. If the server is too slow, the result is unknown: nobody has seen whether the
backlog of a stalled reader has a bound."""
SHRINKING: Final = 20.0
"""How long a program is shrunk."""
SHRINKING_LEEWAY: Final = 0.2
"""The part of each deadline that the suite waits while it shrinks a program. The count that follows
waits in full, and so finds out what was only late."""
COUNTING: Final = 15.0
"""How long the failures of a program are counted; *scaled*."""


def leeway_for(baseline: float, factor: float) -> float:
    """Return what a retry multiplies deadlines by, given the baseline latency in seconds; 1 or
    more."""
    return min(MOST_LEEWAY, max(1.0, BASELINE * baseline / (HICCUP * factor)))
