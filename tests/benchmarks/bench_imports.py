"""What users wait for before anything happens: `import towpath` and `towpath --help`, against an interpreter that does nothing."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.benchmarks.measure import Measure
from tests.benchmarks.stage import TOWPATH, clean_env

ROUNDS = 10


def run() -> list[Measure]:
    """Measure."""
    commands = {
        "bare": [sys.executable, "-c", "pass"],
        "import": [sys.executable, "-c", "import towpath"],
        "from": [sys.executable, "-c", "from towpath import Flow, Parameter, task"],
        "help": [TOWPATH, "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS + 1):  # in turn, so that all see the same machine
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, env=clean_env(), check=True, stdout=subprocess.DEVNULL)
            times[name].append((time.perf_counter() - started) * 1000)
    best = {name: min(found[1:]) for name, found in times.items()}
    return [
        Measure(
            name=title,
            value=best[name],
            unit="ms",
            target=target,
            floor=best["bare"],
            floor_is="python -c pass",
            remark=f"best of {ROUNDS}, worst {max(times[name][1:]):.0f}",
        )
        for name, title, target in (
            ("import", "import towpath", 120),
            ("from", "from towpath import Flow, Parameter, task", None),
            ("help", "towpath --help", 180),
        )
    ]
