"""The reference server over sockets in memory, its threads run one at a time in an order drawn
from a seed.

`make schedules` runs ten thousand; `python -m tests.schedules --show SEED` replays one.
"""
