"""Threads that run one at a time, in an order drawn from a seed, under a clock of their own.

Each task is a real thread, so that the code it runs is just the code that is run for real, but it
goes on only while it has the turn. It gives the turn away in `pause` and `wait`, which stand in for
every call that may block or at which another thread may come in between. Time passes when nobody
can go on.
"""

import random
import threading
from collections.abc import Callable
from typing import Final

STEP: Final = 1e-6
"""Seconds a turn takes."""
STEPS: Final = 20_000
"""Turns after which a schedule goes on for ever."""
END: Final = 300.0
"""Seconds after which nothing can be waited for any more."""


class Stuck(Exception):
    """A schedule in which nobody can go on, or that never ends: who waits for what."""


class _Abandoned(BaseException):
    """The end of the schedule, raised in tasks that have not ended."""


class Task:
    """One thread's work: what it waits for, and how often it gets the turn."""

    def __init__(self, name: str, run: Callable[[], None], weight: float) -> None:
        self.name = name
        self.run = run
        self.weight = weight
        self.turn = threading.Lock()
        self.turn.acquire()
        self.waits_for = "its first turn"
        self.is_so: Callable[[], bool] | None = None
        self.deadline: float | None = None
        self.is_over = False


class _Carrier(threading.Thread):
    """A thread that runs one task after another: threads cost more than turns."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.has_work = threading.Lock()
        self.has_work.acquire()
        self.work: Callable[[], None] = lambda: None
        self.start()

    def run(self) -> None:
        while True:
            self.has_work.acquire()
            self.work()


_idle: Final[list[_Carrier]] = []


class Scheduler:
    """All tasks of one schedule. An exception in any of them ends it, and is raised by `run`."""

    def __init__(self, seed: int, trace: Callable[[str], None] | None = None) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.now = 0.0
        self.tasks: list[Task] = []
        self.current: Task | None = None
        self._trace = trace
        self._steps = 0
        self._failure: BaseException | None = None
        self._is_over = False
        self._end = threading.Semaphore(0)

    def spawn(self, name: str, run: Callable[[], None], weight: float | None = None) -> Task:
        """Add a task, which gets its first turn when it is drawn. Its weight says how often it is
        drawn then; the weight is drawn if it is not given."""
        task = Task(name, run, weight or self.random.choice((1.0, 1.0, 1.0, 10.0, 0.1)))
        self.tasks.append(task)
        carrier = _idle.pop() if _idle else _Carrier()

        def work() -> None:
            self._carry(task)
            _idle.append(carrier)
            self._end.release()

        carrier.work = work
        carrier.has_work.release()
        return task

    def run(self) -> None:
        """Run all tasks to their end."""
        self._hand_over()
        for _ in self.tasks:  # grows while they run
            self._end.acquire()
        if self._failure is not None:
            raise self._failure

    def pause(self, what: str) -> None:
        """Let other tasks run before this one goes on."""
        self.wait(what)

    def wait(
        self, what: str, is_so: Callable[[], bool] | None = None, seconds: float | None = None
    ) -> bool:
        """Let other tasks run until a condition holds, or the time is over; return whether it
        holds."""
        task = self.current
        assert task is not None
        if self._is_over:
            raise _Abandoned
        if self._trace is not None:
            self._trace(f"{self.now:10.6f} {task.name}: {what}")
        task.waits_for, task.is_so = what, is_so
        task.deadline = None if seconds is None else self.now + seconds
        self._hand_over(task)
        return is_so is None or is_so()

    def fail(self, failure: BaseException) -> None:
        """End the schedule."""
        if self._failure is None and not isinstance(failure, _Abandoned):
            self._failure = failure
        self._is_over = True

    def _carry(self, task: Task) -> None:
        task.turn.acquire()
        try:
            if not self._is_over:
                task.run()
        except BaseException as failure:  # raised again by run
            self.fail(failure)
        task.is_over = True
        self._hand_over()

    def _hand_over(self, task: Task | None = None) -> None:
        """Give the turn to whichever task is drawn, and return when it comes back."""
        following = self._draw()
        if following is task:
            return
        self.current = following
        if following is not None:
            following.turn.release()
        if task is not None:
            task.turn.acquire()
            if self._is_over:
                raise _Abandoned

    def _draw(self) -> Task | None:
        alive = [task for task in self.tasks if not task.is_over]
        if self._is_over or not alive:
            return alive[0] if alive else None
        self._steps += 1
        self.now += STEP
        ready = [task for task in alive if self._is_ready(task)]
        if not ready:
            self.now = min(
                (task.deadline for task in alive if task.deadline is not None), default=END
            )
            ready = [task for task in alive if self._is_ready(task)]
        if self.now >= END or self._steps > STEPS or not ready:
            self.fail(Stuck(", ".join(f"{task.name} waits for {task.waits_for}" for task in alive)))
            return alive[0]
        return self.random.choices(ready, [task.weight for task in ready])[0]

    def _is_ready(self, task: Task) -> bool:
        late = task.deadline is not None and self.now >= task.deadline
        return task.is_so is None or late or task.is_so()
