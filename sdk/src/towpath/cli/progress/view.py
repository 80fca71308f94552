"""Draws a run as lines of text for a terminal of a given size. A pure function: the same input gives the same lines.

A frame is never higher or wider than the terminal; what does not fit is left out in a fixed order, least needed first: of a line the time
left, the rate, the bar; of the screen log lines, then tasks that wait or have succeeded (their number is said instead).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from towpath.cli.progress.model import Children, Progress, TaskLine
from towpath.cli.style import BOLD, DIM, RESET, clean, colored, cut, glyph, ink, width
from towpath_proto.states import KINDS, is_a, is_final

LOG_LINES = 8
_LEAST_BAR = 8
_LARGEST_BAR = 40
_LEAST_WIDTH = 10


@dataclass(frozen=True, slots=True)
class Paper:
    """What can be drawn on.

    Attributes:
        columns: Width of the terminal.
        rows: Height of the terminal.
        color: Whether colours may be used.
        unicode: Whether glyphs beyond ASCII may be used.
    """

    columns: int
    rows: int
    color: bool = True
    unicode: bool = True

    def dim(self, text: str) -> str:
        """A text that steps back."""
        return f"{DIM}{text}{RESET}" if self.color and text else text

    def bold(self, text: str) -> str:
        """A text that stands out."""
        return f"{BOLD}{text}{RESET}" if self.color and text else text

    def sign(self, state: str) -> str:
        """The glyph of a state in its colour."""
        return colored(state, text=glyph(state, unicode=self.unicode), on=self.color)


def draw(progress: Progress, paper: Paper, now: datetime, *, footer: str = "") -> list[str]:
    """The frame.

    Args:
        progress: The run.
        paper: The terminal.
        now: This moment (aware).
        footer: The last line: what keys do, or a question; drawn as it is.
    """
    columns = max(_LEAST_WIDTH, paper.columns) - 1  # the last column stays free: some terminals wrap when it is written
    top = [_header(progress, paper, now)]
    if progress.notice:
        top += _wrapped(progress.notice, columns - 2, 3)
    bottom = [progress.trouble and colored("Retrying", text=progress.trouble, on=paper.color), footer]
    bottom = [line for line in bottom if line]
    room = max(0, paper.rows - 1 - len(top) - len(bottom))
    logs = min(len(progress.lines), LOG_LINES)
    for_logs = min(logs + 1, max(0, room - min(len(progress.tasks), max(3, room - 4)))) if logs else 0
    tasks = _task_lines(progress.tasks, paper, now, columns, room - for_logs)
    spare = max(0, room - len(tasks))
    shown = progress.lines[-min(logs, spare - 1) :] if logs and spare > 1 else ()
    frame = top + tasks + (["", *(f"  {line}" for line in shown)] if shown else []) + bottom
    return [cut(line, columns) for line in frame[: max(1, paper.rows - 1)]]


def _wrapped(text: str, columns: int, lines: int) -> list[str]:
    import textwrap

    return [f"  {line}" for line in textwrap.wrap(text, max(20, columns))[:lines]]


def _header(progress: Progress, paper: Paper, now: datetime) -> str:
    parts = [f"{paper.sign(progress.state)} {paper.bold(progress.flow)}", progress.name, colored(progress.state, on=paper.color)]
    if progress.start is not None:
        parts.append(clock((progress.end or now) - progress.start))
    if progress.tasks:
        parts.append(paper.dim(f"{progress.finished_tasks()}/{len(progress.tasks)} tasks"))
    return "  ".join(parts)


def clock(span: object) -> str:
    """A duration as 3.2 s, 1:05 or 2:03:04."""
    seconds = max(0.0, span.total_seconds()) if hasattr(span, "total_seconds") else 0.0
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


# -------------------------------------------------------------------------------------------------------------------------------- tasks


def _task_lines(tasks: tuple[TaskLine, ...], paper: Paper, now: datetime, columns: int, room: int) -> list[str]:
    if room <= 0 or not tasks:
        return []
    chosen, hidden = _chosen(tasks, room)
    deepest = max(1, columns // 8)
    longest = max(min(t.indent, deepest) * 2 + width(t.name) for t in chosen) if chosen else 0
    names = min(longest, max(8, columns * 2 // 5))
    lines = [_task_line(task, paper, now, columns, names, deepest) for task in chosen]
    if hidden:
        counts = Counter(task.shown_state for task in hidden)
        lines.append(paper.dim(f"  {'…' if paper.unicode else '...'} {len(hidden)} more: {_counted(counts)}"))
    return lines


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{n:,} {state}" for state, n in counts.most_common())


def _urgency(task: TaskLine) -> int:
    state = task.shown_state
    if is_a(state, "Failed", "Cancelling", "Retrying", "Paused"):
        return 0
    if is_a(state, "Running", "Submitted", "Queued"):
        return 1
    return 3 if is_final(state) else 2


def _chosen(tasks: tuple[TaskLine, ...], room: int) -> tuple[list[TaskLine], list[TaskLine]]:
    """The tasks that are shown when not all fit, in order, and the others."""
    if len(tasks) <= room:
        return list(tasks), []
    last = {task.slug: -i for i, task in enumerate(tasks)}
    # of what waits the next ones, of what has ended the newest
    ranked = sorted(tasks, key=lambda t: (_urgency(t), last[t.slug] if _urgency(t) == 3 else -last[t.slug]))
    kept = {task.slug for task in ranked[: max(0, room - 1)]}
    return [t for t in tasks if t.slug in kept], [t for t in tasks if t.slug not in kept]


def _task_line(task: TaskLine, paper: Paper, now: datetime, columns: int, names: int, deepest: int) -> str:
    indent = "  " * min(task.indent, deepest)
    name = cut(f"{indent}{task.name}", names)
    if indent and name.startswith(indent):
        head = f"  {indent}{paper.sign(task.shown_state)} {name[len(indent) :]}"
    else:
        head = f"  {paper.sign(task.shown_state)} {name}"
    head += " " * (names - width(name))
    spent = clock((task.end or now) - task.start) if task.start is not None else ""
    room = columns - 4 - names - 2
    if task.children is not None:
        return f"{head}  {_mapped(task, task.children, paper, room, spent)}".rstrip()
    said = _said(task)
    if not said:
        return f"{head}  {paper.dim(spent)}".rstrip()
    return f"{head}  {paper.dim(spent.ljust(7))} {cut(said, max(0, room - 8))}".rstrip()


def _said(task: TaskLine) -> str:
    """What there is to say beyond the glyph."""
    state = task.state
    if is_a(state, "Failed", "Retrying", "Paused", "Queued", "Cancelled"):
        message = " ".join(clean(task.message).split())
        return f"{state}: {message}" if message and message != state else state
    if state in ("Skipped", "Cached"):
        return state
    return f"attempt {task.attempt}" if task.attempt > 1 and not is_final(state) else ""


def _mapped(task: TaskLine, children: Children, paper: Paper, room: int, spent: str) -> str:
    done, total = children.done, max(children.total, 1)
    failed = children.number("Failed")
    running = children.number("Running")
    retrying = children.number("Retrying")
    count = f"{done:,}/{children.total:,}".rjust(2 * len(f"{children.total:,}") + 1)
    details = [(f"{failed:,} failed", "Failed") if failed else None]
    details.append((f"{retrying:,} retrying", "Retrying") if retrying else None)
    if done < children.total and children.over:
        details += [(f"{children.total - done:,} not run", "Cancelled"), (spent, "") if spent else None]
    elif done < children.total:
        details.append((f"{running:,} running", "Running") if running else None)
        details.append((spent, "") if spent else None)
        if children.rate:
            details.append((_speed(children.rate), ""))
            details.append((f"{_rough((children.total - done) / children.rate)} left", ""))
    else:
        details.append((spent, "") if spent else None)
    texts = [one for one in details if one is not None]
    # the bar first: what is left over is for words
    least = width(count) + 1 + _LEAST_BAR
    while texts and least + sum(2 + width(text) for text, _ in texts) > room:
        texts.pop()
    words = "".join(f"  {colored(state, text=text, on=paper.color) if state else paper.dim(text)}" for text, state in texts)
    size = min(_LARGEST_BAR, room - width(count) - 1 - width(words))
    bar = f"{_bar(children, total, size, paper)} " if size >= _LEAST_BAR else ""
    return f"{bar}{count}{words}"


def _speed(rate: float) -> str:
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min"


def _rough(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _bar(children: Children, total: int, size: int, paper: Paper) -> str:
    """Parts for what failed, what ended well, what runs and what waits; what there is at all gets one column at least."""
    full, empty = ("━", "─") if paper.unicode else ("#", "-")
    failed = children.number("Failed", "Cancelled")
    parts = [("Failed", failed), ("Success", children.done - failed), ("Running", children.number("Running"))]
    cells: list[tuple[str, int]] = []
    left = size
    for state, number in parts:
        share = min(left, max(1, number * size // total)) if number else 0
        cells.append((state, share))
        left -= share
    if children.done < children.total and left == 0:  # not full before it is
        largest = max(range(len(cells)), key=lambda i: cells[i][1])
        cells[largest] = (cells[largest][0], cells[largest][1] - 1)
        left = 1
    if children.done >= children.total > 0 and left:  # rounding leaves no gap at the end
        largest = max(range(len(cells)), key=lambda i: cells[i][1])
        cells[largest] = (cells[largest][0], cells[largest][1] + left)
        left = 0
    signs = {
        "Failed": "!" if not paper.unicode else full,
        "Success": full,
        "Running": "~" if not paper.unicode else full if paper.color else "╸",
    }
    drawn = "".join(f"{ink(KINDS[state].color)}{signs[state] * n}{RESET}" if paper.color else signs[state] * n for state, n in cells if n)
    return drawn + paper.dim(empty * left)
