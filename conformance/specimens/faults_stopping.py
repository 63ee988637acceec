"""Servers with a fault of stopping: they linger, lose what is owed, or mistake their address."""

import errno
import os
import signal
import socket
import stat
import sys
import threading
import time

from conformance.specimens.base import HOST, BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import ALL, LOSS, fault


@fault("STOP-1", "stops with status 1")
class StopsWithStatusOne(BaseServer):
    def status(self) -> int:
        return 1


@fault("STOP-1", "dies of the signal that should stop it", may_break=f"{LOSS} ERR-3")
class DiesOfTheSignal(BaseServer):
    def heed_signals(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@fault("STOP-1", "ignores the signals that should stop it", may_break="STOP-2 STOP-3")
class HeedsNoSignal(BaseServer):
    def on_signal(self) -> None:
        return


@fault("STOP-1", "resets everyone when it is stopped", may_break=f"{LOSS} ERR-3")
class StopResets(BaseServer):
    def stop(self) -> None:
        super().stop()
        self.abort()


@fault("STOP-1", "does not end while a member is connected", may_break="STOP-2")
class StopWaitsForMembers(BaseServer):
    def stop(self) -> None:
        self.stopping = True
        self.selector.unregister(self.listener)
        self.listener.close()


@fault("STOP-1", "takes 5 s to stop", may_break="STOP-2")
class StopsLate(BaseServer):
    def status(self) -> int:
        time.sleep(5)
        return 0


@fault("STOP-1", "drops what it owes when it is stopped", may_break=f"{LOSS} LIM-4 ERR-3")
class StopDropsWhatIsOwed(BaseServer):
    send_buffer = 32_768

    def stop(self) -> None:
        super().stop()
        for member in tuple(self.connections):
            self.flush(member)
            self.close(member)


@fault(
    "STOP-1", "takes lines for two more seconds after it was stopped", may_break=f"{LOSS} STOP-2"
)
class StopTakesMoreLines(BaseServer):
    told = False

    def stop(self) -> None:
        if self.told:
            super().stop()
        else:
            self.told = True
            self.later(2.0, self.stop)


@fault("STOP-1", "stops when its standard input, a pipe, ends", may_break=ALL)
class StopsWithStandardInput(BaseServer):
    def listen(self) -> None:
        super().listen()
        if sys.stdin is not None and stat.S_ISFIFO(os.fstat(0).st_mode):
            threading.Thread(target=self.watch_standard_input, daemon=True).start()

    def watch_standard_input(self) -> None:
        for _ in sys.stdin:
            continue
        os.kill(os.getpid(), signal.SIGTERM)


@fault("STOP-2", "binds without SO_REUSEADDR", may_break="STOP-1")
class NoReuseOfTheAddress(BaseServer):
    def prepare_listener(self) -> None:
        return


@fault(
    "STOP-2",
    "leaves its listening socket to a child that lives 5 s longer",
    may_break="STOP-1 STOP-3",
)
class ChildKeepsTheAddress(BaseServer):
    def listen(self) -> None:
        super().listen()
        if os.fork() == 0:  # type: ignore[attr-defined, unused-ignore]  # POSIX
            parent = os.getppid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while os.getppid() == parent:
                time.sleep(0.05)
            time.sleep(5)
            os._exit(0)


@fault("STOP-3", "shares its address with a second server", may_break=ALL)
class SharesTheAddress(BaseServer):
    def prepare_listener(self) -> None:
        super().prepare_listener()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # type: ignore[attr-defined, unused-ignore]  # POSIX


@fault("STOP-3", "ends with status 0 when its address is in use")
class RefusedWithStatusZero(BaseServer):
    def on_refused(self, error: OSError) -> int:
        super().on_refused(error)
        return 0


@fault("STOP-3", "says nothing when its address is in use")
class RefusedWithoutAWord(BaseServer):
    def on_refused(self, _error: OSError) -> int:
        return 1


@fault("STOP-3", "does not name the address that is in use")
class RefusedWithoutTheAddress(BaseServer):
    def on_refused(self, error: OSError) -> int:
        sys.stderr.write(f"cannot listen: {error.strerror}\n")
        return 1


@fault("STOP-3", "takes another address when its own is in use")
class TakesAnotherAddress(BaseServer):
    def listen(self) -> None:
        try:
            super().listen()
        except OSError:
            self.listener.bind((HOST, 0))
            self.listener.listen(1024)
            self.listener.setblocking(False)


@fault("STOP-3", "waits for its address, half a minute if need be", may_break="STOP-1 STOP-2")
class WaitsForItsAddress(BaseServer):
    def listen(self) -> None:
        for _ in range(600):
            try:
                super().listen()
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                time.sleep(0.05)
            else:
                return


@fault(
    "STOP-3", "disturbs the first server: a second one makes it drop its members", may_break=LOSS
)
class DisturbedByASecond(BaseServer):
    def on_refused(self, error: OSError) -> int:
        with socket.create_connection((HOST, self.port)) as first:
            first.sendall(b"restart\0now\n")
        return super().on_refused(error)

    def on_text(self, member: Member, text: str) -> None:
        if text == "restart\0now":
            for other in tuple(self.members):
                self.leave(other)
        else:
            super().on_text(member, text)


@fault("STOP-1", "exits at the signal, whatever it was about", may_break=f"{LOSS} ERR-3 QUIT-3")
class ExitsAtTheSignal(BaseServer):
    def heed_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os._exit(0))


@fault("ERR-3", "does not say that it is stopping")
class StopsWithoutAWord(BaseServer):
    def notice(self, code: str, explanation: str = "") -> bytes:
        return b"" if code == "shutting-down" else super().notice(code, explanation)


@fault(
    "STOP-1", "drops what waits in it for a member when it is stopped", may_break=f"{LOSS} LIM-4"
)
class StopDropsTheRest(BaseServer):
    def stop(self) -> None:
        for member in tuple(self.members):
            self.flush(member)
            if member.outgoing:
                member.outgoing.clear()
                self.leave(member)
        super().stop()
