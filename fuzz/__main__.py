"""Fuzzes the sans-IO core: guided by coverage where atheris is installed, else from a seed.

`--replay` plays one input again, as a failure printed it.
"""

import argparse
import ast
import importlib.util
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Final, NoReturn

INPUT_SECONDS: Final = 10
"""What one input may take before it counts as a hang."""

Run = Callable[[bytes], None]


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    options.add_argument("--inputs", type=int, default=1_000_000, help="(default: 1,000,000)")
    options.add_argument("--seconds", type=int, default=1_800, help="at most (default: 1,800)")
    options.add_argument("--seed", type=int, default=int(time.time()), help="(default: the time)")
    options.add_argument("--unguided", action="store_true", help="draw all inputs from the seed")
    options.add_argument("--replay", type=ast.literal_eval, metavar="LITERAL")
    given = options.parse_args()
    if given.replay is not None:
        from fuzz.core import run

        run(given.replay)
        return
    if given.unguided or importlib.util.find_spec("atheris") is None:
        _fuzz_from_a_seed(given.inputs, given.seconds, given.seed)
    else:
        _fuzz_by_coverage(given.inputs, given.seconds, given.seed)


def _fuzz_by_coverage(inputs: int, seconds: int, seed: int) -> NoReturn:
    import atheris

    with atheris.instrument_imports(include=["chatproto"], enable_loader_override=False):
        from fuzz.core import run
    from fuzz.inputs import MAX_SIZE, dictionary
    from fuzz.inputs import inputs as draw

    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    (folder / "tokens").write_text(dictionary())
    (folder / "corpus").mkdir()
    for number, octets in enumerate(islice(draw(seed), 200)):
        (folder / "corpus" / str(number)).write_bytes(octets)
    atheris.Setup(
        [
            "fuzz",
            f"-runs={inputs}",
            f"-max_total_time={seconds}",
            f"-max_len={MAX_SIZE}",
            f"-seed={seed % 2**32}",
            f"-timeout={INPUT_SECONDS}",
            f"-dict={folder / 'tokens'}",
            f"-artifact_prefix={folder}/",
            "-print_final_stats=1",
            str(folder / "corpus"),
        ],
        lambda octets: _run_or_tell(run, octets),
    )
    atheris.Fuzz()
    sys.exit()


def _fuzz_from_a_seed(inputs: int, seconds: int, seed: int) -> None:
    from fuzz.core import run
    from fuzz.inputs import inputs as draw

    signal.signal(signal.SIGALRM, signal.default_int_handler)
    until = time.monotonic() + seconds
    played = 0
    try:
        for octets in islice(draw(seed), inputs):
            signal.alarm(INPUT_SECONDS)
            _run_or_tell(run, octets)
            played += 1
            if time.monotonic() > until:
                break
    finally:
        signal.alarm(0)
    sys.stdout.write(f"seed {seed}: {played:,} inputs, nothing found\n")


def _run_or_tell(run: Run, octets: bytes) -> None:
    try:
        run(octets)
    except BaseException:
        sys.stderr.write(f"\nagain: python -m fuzz --replay {str(octets)!r}\n")
        raise


if __name__ == "__main__":
    main()
