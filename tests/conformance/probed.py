"""Servers that a probe has to survive: one that dies of what does not decode, and one that hangs."""

import os
import sys
import time

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member


class Dies(BaseServer):
    def violation(self, _member: Member, _code: str, _line: bytes) -> None:
        os._exit(3)


class Hangs(BaseServer):
    def violation(self, _member: Member, _code: str, _line: bytes) -> None:
        time.sleep(600)


if __name__ == "__main__":
    sys.exit({"dies": Dies, "hangs": Hangs}[sys.argv[1]](int(sys.argv[2])).serve())
