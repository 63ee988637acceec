"""A server that is busy as long as anybody is there is found, even if no leaver lets it live."""

import sys
from pathlib import Path

from conformance.report.model import Report
from tests.conformance.command import run

SPINS_UNTIL_SOMEBODY_LEAVES = """\
import datetime, selectors, socket, sys
members = {}
selector = selectors.DefaultSelector()
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
selector.register(listener, selectors.EVENT_READ)
while True:
    for key, mask in selector.select():
        if key.fileobj is listener:
            member, address = listener.accept()
            members[member] = "%s:%d" % address
            selector.register(member, selectors.EVENT_READ | selectors.EVENT_WRITE)
        elif mask & selectors.EVENT_READ:
            octets = key.fileobj.recv(4096)
            if not octets:
                sys.exit(1)
            now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d %H:%M:%S")
            for line in octets.splitlines():
                unit = f"{now} {members[key.fileobj]}\\n{line.decode()}\\n".encode()
                for member in members:
                    member.send(unit)
"""


def test_who_spins_while_members_stay_is_found_before_anybody_leaves(tmp_path: Path) -> None:
    server, report = tmp_path / "server.py", tmp_path / "report.json"
    server.write_text(SPINS_UNTIL_SOMEBODY_LEAVES)
    launch = f"{sys.executable} {server} {{port}}"
    run("run", "--launch", launch, "--only", "res/nothing-to-do", "--json", str(report))
    found = Report.model_validate_json(report.read_text())
    [spinning] = (one for one in found.requirements if one.id == "RES-1")
    assert spinning.status == "fail"
