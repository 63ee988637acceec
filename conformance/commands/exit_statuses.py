"""The exit statuses of every command, and the text that explains them."""

from typing import Final

from conformance.report.model import Verdict

STATUS: Final = {Verdict.CONFORMANT: 0, Verdict.NON_CONFORMANT: 1, Verdict.INCOMPLETE: 4}
BROKEN_DOWN: Final = 3
"""The target could not be reached or launched, or the suite could not do its work."""
OTHERWISE: Final = 5
"""Known failures no longer occur as they are pinned."""
EPILOG: Final = """\b
Exit status:
  0  conformant
  1  non-conformant
  2  wrong usage, a file that cannot be used, or nothing selected
  3  the target could not be reached or launched, or the suite could not do its work
  4  incomplete: no MUST failed, but some MUSTs could not be decided
"""
