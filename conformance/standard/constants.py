"""The numbers of the standard, each once. Seconds and octets, unless it says otherwise."""

from typing import Final

MIN_LINE_LIMIT: Final = 1_024
"""Octets before the LF of a line that every server accepts (LIM-1)."""
MAX_LINE_LIMIT: Final = 1_048_576
"""Octets before the LF from which on every server refuses a line (LIM-2)."""
MIN_BACKLOG: Final = 1_048_576
"""Octets that may always wait for a member (LIM-3)."""
MAX_BACKLOG: Final = 64 * 1_048_576
"""Octets that may never wait for a member (LIM-3)."""
MEMBERS: Final = 256
"""Members that every server should have room for (LIM-6)."""
CLOCK: Final = 5.0
"""Seconds by which a header's time may be off (MSG-5)."""
QUARTER_HOUR: Final = 900
"""Seconds; a header's time may be off by a whole number of these as well (MSG-5)."""
LINGER: Final = 1.0
"""Seconds for which a server lingers for a leaver that does not end its side (QUIT-3): then it may
break the connection off, and until then it may count the leaver as a member."""
DEAD_PEER: Final = 300.0
"""Seconds within which a server should find a dead peer (HB-2)."""
IDLE: Final = 0.1
"""The part of a processor that a server to which nothing is said should stay below (RES-1)."""
STOP: Final = 3.0
"""Seconds that a server has to end, once it is stopped (STOP-1)."""
DELIVERIES: Final = 2.5
"""Seconds after the stop for which a server delivers what its members still read, before it may
abort the rest (STOP-1)."""
RESUME: Final = 10.0
"""Seconds within which messages flow once nodes reach one another again (CLU-5)."""
