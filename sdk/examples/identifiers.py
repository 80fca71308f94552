"""What does Python call its things? Every name in the source of the standard library, counted in processes of a Dask cluster.

    python sdk/examples/identifiers.py             run it here
    towpath register -p sdk/examples/identifiers.py   let an agent run it

The source is what is installed with this Python. Its files are dealt into groups of about the same size, and `read_files` is mapped over
them: parsing is pure Python, so it is worth other processes. Each run has a temporary cluster of its own, which ends with it.
"""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import towpath
from towpath import Flow, Parameter, task
from towpath.executors import DaskExecutor

NOT_READ = {"site-packages", "test", "tests", "idlelib", "lib2to3", "__pycache__"}


@task
def deal_files(groups: int) -> list[list[str]]:
    """The library's files in groups of about the same number of bytes: the biggest first, each to the group that has least."""
    library = Path(sysconfig.get_path("stdlib"))
    files = [file for file in library.rglob("*.py") if not NOT_READ & set(file.relative_to(library).parts)]
    sizes = [0] * groups
    dealt: list[list[str]] = [[] for _ in range(groups)]
    for file in sorted(files, key=lambda file: (-file.stat().st_size, str(file))):
        least = sizes.index(min(sizes))
        sizes[least] += file.stat().st_size
        dealt[least].append(str(file))
    towpath.context.logger.info("%d files, %.1f MB, in %d groups", len(files), sum(sizes) / 1e6, groups)
    return [group for group in dealt if group]


@task(max_retries=1, retry_delay=timedelta(seconds=5), log_stdout=True)
def read_files(files: list[str]) -> dict[str, Any]:
    """Count the names in some files, by what they name, and find the longest function."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in ("function", "class", "argument", "variable", "attribute")}
    longest = (0, "")
    lines = 0
    for file in files:
        source = Path(file).read_bytes()
        lines += source.count(b"\n")
        for node in ast.walk(ast.parse(source, file)):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    counts["function"][name] += 1
                    length = (node.end_lineno or node.lineno) - node.lineno + 1
                    longest = max(longest, (length, f"{Path(file).name}: {name}"))
                case ast.ClassDef(name=name):
                    counts["class"][name] += 1
                case ast.arg(arg=name):
                    counts["argument"][name] += 1
                case ast.Name(id=name, ctx=ast.Store()):
                    counts["variable"][name] += 1
                case ast.Attribute(attr=name):
                    counts["attribute"][name] += 1
    print(f"{len(files)} files, {lines:,} lines")
    return {"files": len(files), "lines": lines, "longest": longest, "counts": counts}


@task
def make_report(groups: list[dict[str, Any]], shown: int) -> dict[str, Any]:
    """Add the groups up; log the most frequent names of each kind, and return the findings."""
    total: dict[str, Counter[str]] = {}
    for group in groups:
        for kind, counts in group["counts"].items():
            total.setdefault(kind, Counter()).update(counts)
    logger = towpath.context.logger
    logger.info("kind        different      used  most frequent")
    most: dict[str, list[tuple[str, int]]] = {}
    for kind, counts in total.items():
        most[kind] = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:shown]
        logger.info("%-10s %10d %9d  %s", kind, len(counts), counts.total(), ", ".join(name for name, _ in most[kind]))
    length, where = max(group["longest"] for group in groups)
    logger.info("the longest function has %d lines: %s", length, where)
    report = {name: sum(group[name] for group in groups) for name in ("files", "lines")}
    return {**report, "longest_function": where, "most_frequent": most}


with Flow("identifiers", executor=DaskExecutor(cluster_kwargs={"n_workers": 2, "threads_per_worker": 1, "memory_limit": 0})) as flow:
    counted = read_files.map(deal_files(Parameter("groups", default=12)))
    report = make_report(counted, Parameter("shown", default=8))


if __name__ == "__main__":
    state = flow.run()
    sys.exit(0 if state.is_successful() else 1)
