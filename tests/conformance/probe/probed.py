"""Servers that a probe has to survive: one dies of what does not decode, and one hangs."""

import os
import sys
import time

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member


class Dies(BaseServer):
    def violation(self, member: Member, code: str, line: bytes) -> None:
        if code == "invalid-text":
            os._exit(3)
        super().violation(member, code, line)


class Hangs(BaseServer):
    def violation(self, member: Member, code: str, line: bytes) -> None:
        if code == "invalid-text":
            time.sleep(600)
        super().violation(member, code, line)


if __name__ == "__main__":
    sys.exit({"dies": Dies, "hangs": Hangs}[sys.argv[1]](int(sys.argv[2])).serve())
