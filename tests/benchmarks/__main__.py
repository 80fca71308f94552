"""`python -m tests.benchmarks`: run the benchmarks one after the other and print one table.

Each `bench_*.py` beside this file has `run() -> list[Measure]`. One that fails or takes too long is shown as failed, the others go on; the
exit status is 1 then. A missed target does not change the exit status: numbers are for people to judge.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import signal
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from tests.benchmarks.measure import Measure

HERE = Path(__file__).parent
LIMIT = 180
"""Seconds that one benchmark may take, if its module names no `LIMIT` of its own."""
PREFIX = "bench_"


def names() -> list[str]:
    """The benchmarks there are."""
    return sorted(path.stem.removeprefix(PREFIX) for path in HERE.glob(f"{PREFIX}*.py"))


def run_one(name: str) -> list[Measure]:
    """Run one benchmark, within its limit."""
    module = importlib.import_module(f"tests.benchmarks.{PREFIX}{name}")
    limit = getattr(module, "LIMIT", LIMIT)

    def too_long(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"benchmark {name} took more than {limit} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(limit)
    try:
        found: list[Measure] = module.run()
        return found
    finally:
        signal.alarm(0)


def number(value: float | None) -> str:
    """A number with about three digits that mean something."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def row(measure: Measure) -> list[str]:
    """A measure as cells."""
    target = "" if measure.target is None else f"{'<=' if measure.better == 'less' else '>='} {number(measure.target)}"
    verdict = {True: "met", False: "MISSED", None: ""}[measure.met]
    floor = "" if measure.floor is None else f"{number(measure.floor)} ({measure.floor_is})"
    return [measure.name, number(measure.value), measure.unit, target, verdict, floor, measure.remark]


def table(measures: list[Measure]) -> str:
    """All measures as a Markdown table."""
    lines = [["measure", "value", "unit", "target", "", "floor or peer, same run", "remark"], *map(row, measures)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Run the benchmarks and print one table.")
    parser.add_argument("--only", action="append", metavar="NAME", choices=names(), help=f"only this one; repeatable: {', '.join(names())}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    options = parser.parse_args()
    measures: list[Measure] = []
    failed: dict[str, str] = {}
    load = [round(x, 2) for x in os.getloadavg()]
    for name in options.only or names():
        print(f"{name} ...", file=sys.stderr, end=" ", flush=True)
        began = time.monotonic()
        try:
            measures += run_one(name)
            print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
        except Exception as e:
            traceback.print_exc()
            failed[name] = f"{type(e).__name__}: {e}"
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform(), "load_before": load}
    print(table(measures))
    print(f"\n{machine['cores']} cores, Python {machine['python']}, {machine['system']}")
    print(f"load average of the last minute, before: {load[0]:g} (well above 0: other work was running)")
    for name, why in failed.items():
        print(f"FAILED {name}: {why}")
    if options.json:
        rows = [{**asdict(m), "met": m.met} for m in measures]
        options.json.write_text(json.dumps({"machine": machine, "measures": rows, "failed": failed}, indent=2) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
