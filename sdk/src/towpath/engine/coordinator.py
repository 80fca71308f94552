"""The coordinator of a run: the ready-queue over the plan.

It alone moves task runs from state to state and reports them. A task run that ends touches only what waits for it, so a run costs time by
its edges, not by its tasks times its tasks. Ready task runs are a stack: with one worker, maps go depth-first (child 0 goes through the
whole chain before child 1 begins), so values are used while they are warm. Waiting (retries, pauses) never blocks what is ready.

It does no I/O but through its ports: executor, reporter, clock, and results of an earlier process when a resumed run needs their values.

Cancelling: from any thread or signal handler. No new task run starts, what runs is interrupted, interrupted task runs end Cancelled.
Leaving is the same, but what was interrupted stays Running: whoever takes the run over decides on it.
"""

from __future__ import annotations

import heapq
import logging
import threading
from datetime import datetime
from queue import SimpleQueue
from typing import Any

from towpath._context import Frame, context, current_frame
from towpath.engine import task_pipeline as pipeline
from towpath.engine.cleaning import Cleaning
from towpath.engine.execution import Work, run_task
from towpath.engine.handlers import handled
from towpath.engine.mapping import MapRun, Source
from towpath.engine.naming import nameable
from towpath.engine.plan import Node, Plan
from towpath.engine.slots import SlotAnswer, SlotLine
from towpath.engine.state import Cancelled, Failed, Finished, Looped, Mapped, Pending, Queued, Running, Scheduled, State
from towpath.engine.task_pipeline import Record
from towpath.engine.terms import Terms
from towpath.engine.values import Values
from towpath.errors import TowpathError
from towpath.executors.interrupt import interrupt_thread
from towpath.executors.port import Future

_logger = logging.getLogger("towpath.engine")

_INTERRUPTED = "Interrupt signal raised, cancelling flow run."
POLL = 1.0
"""Longest wait, in seconds, between two questions to the reporter whether the run is to be stopped."""


class Coordinator:
    """Runs one plan once, under `terms`."""

    def __init__(self, plan: Plan, terms: Terms) -> None:
        self._nodes = plan.nodes
        self._terms = terms
        self._initial = dict(terms.initial)
        self.states: list[State | None] = [None] * len(plan.nodes)
        self._maps: list[MapRun | None] = [None] * len(plan.nodes)
        self._values = Values(plan.nodes, self.states, self._maps, terms.scope, terms.policy)
        self._cleaning = Cleaning(plan.nodes, self.states, self._values, terms.scope)
        self._waiting = [len(node.edges) for node in plan.nodes]
        self._stack: list[tuple[Node, int, Record | None]] = [(node, -1, None) for node in reversed(plan.nodes) if not node.edges]
        self._timers: list[tuple[datetime, int, Node, int, Record]] = []
        self._timer_count = 0
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._works: list[Work | None] = [None] * len(plan.nodes)
        self._line = None if terms.limits is None else SlotLine(terms.limits, self._inbox, terms.clock)
        self._inflight = 0
        self._inline = False  # whether a task runs in the coordinator's own thread; read and cleared under the lock
        self._interrupting = threading.RLock()  # re-entrant, since a signal handler may cancel while its own thread holds it
        self._thread = 0
        self.cancel_reason: str | None = None
        self.leaving = False

    # --- cancelling ---------------------------------------------------------------------------------------------------------------

    def cancel(self, reason: str, *, leaving: bool = False) -> None:
        """Stop the run; from any thread, or from a signal handler (which then interrupts the task that runs in its own thread)."""
        if self.cancel_reason is not None:
            return
        self.leaving = leaving
        self.cancel_reason = reason
        self._inbox.put(None)
        with self._interrupting:  # so that the interrupt cannot arrive after the task has ended and hit somebody else
            if not self._inline:
                self._terms.executor.interrupt()
            elif self._thread == threading.get_ident():
                raise KeyboardInterrupt
            else:
                interrupt_thread(self._thread)

    # --- the loop -----------------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run until everything has ended or waits for something that this process will not wait for."""
        self._thread = threading.get_ident()
        try:
            with self._terms.executor.start():
                try:
                    self._loop()
                except KeyboardInterrupt:
                    self.cancel_reason = self.cancel_reason or _INTERRUPTED
                finally:
                    self._wind_up()
        except KeyboardInterrupt:  # while the executor got ready: it has nothing of the run yet
            self.cancel_reason = self.cancel_reason or _INTERRUPTED

    def _wind_up(self) -> None:
        """Wait for what still runs, and close what this process has opened."""
        if self._inflight:
            self._terms.executor.interrupt()
        while self._inflight:
            self._take(self._terms.clock.wait(self._inbox, POLL, owed=True))
        for node in self._cleaning.left_open():
            state = self._cleaning.close(node)
            if self.cancel_reason is not None and not self.leaving and not isinstance(self.states[node.index], Finished):
                self.states[node.index] = self._enter(node, -1, Record(self.states[node.index]), state)

    def _loop(self) -> None:
        reporter = self._terms.reporter
        stack = self._stack
        inbox = self._inbox
        while self.cancel_reason is None:
            if reporter is not None and reporter.cancel_requested():
                self.cancel_reason = "Flow run was cancelled."
                return
            free = self._free()
            if self._line is not None:
                self._line.ask(free)
            if (self._inflight or self._line) and not inbox.empty():
                self._take(inbox.get())
            elif self._line and free != 0 and (turn := self._line.next()) is not None:
                self._go(*turn)
            elif stack and free != 0:
                self._begin(*stack.pop())
            elif not self._wait():
                return
            if self._timers:
                self._wake_due()

    def _free(self) -> int | None:
        """How many task runs can be begun now; None for any number."""
        slots = self._terms.executor.slots
        return None if slots is None else slots - self._inflight

    def _wait(self) -> bool:
        """Wait for a worker or for a due time; False if there is nothing to wait for here."""
        limit: float | None = None
        if self._timers:
            limit = (self._timers[0][0] - self._terms.clock.now()).total_seconds()
            longest = self._terms.max_wait
            if not self._inflight and not self._line and longest is not None and limit > longest.total_seconds():
                return False
        elif not self._inflight and not self._line:
            return False
        if self._terms.reporter is not None:
            limit = POLL if limit is None else min(limit, POLL)
        asking = self._line is not None and self._line.asking
        if self._line and (pause := self._line.pause(self._free())) is not None:
            limit = pause if limit is None else min(limit, pause)
        seconds = None if limit is None else max(limit, 0.0)
        self._take(self._terms.clock.wait(self._inbox, seconds, owed=self._inflight > 0 or asking))
        return True

    def _take(self, item: tuple[Node, int, Record, Future] | SlotAnswer | None) -> None:
        if isinstance(item, SlotAnswer):
            self._queue(item)
            return
        if item is None:
            return
        node, index, record, future = item
        self._inflight -= 1
        try:
            state = future.result()
        except KeyboardInterrupt:
            self._interrupted(node, index, record)
        except TowpathError as error:
            self._ended(node, index, record, self._not_run(self._context_of(node, index, record), error))
        except Exception as error:
            self._ended(node, index, record, Failed(f"The executor could not run the task: {error!r}", error))
        else:
            self._ended(node, index, record, state)

    def _wake_due(self) -> None:
        now = self._terms.clock.now()
        while self._timers and self._timers[0][0] <= now:
            _, _, node, index, record = heapq.heappop(self._timers)
            self._stack.append((node, index, record))

    # --- one task run -------------------------------------------------------------------------------------------------------------

    def _begin(self, node: Node, index: int, record: Record | None) -> None:
        """A task run has nothing left to wait for upstream."""
        resumed = record is None and bool(self._initial)
        if record is None:
            left = self._initial.pop((node.slug, index), None) if resumed else None
            record = Record() if left is None else Record.resumed(left)
        if isinstance(record.state, Finished) and resumed and not isinstance(record.state, Mapped):
            self._adopt(node, index, record, record.state)
        elif node.mapped and index < 0:
            self._open(node, record)
        elif record.state is not None and pipeline.waits(record.state, self._terms.clock.now()):
            self._rest(node, index, record, record.state)
        else:
            self._try(node, index, record)

    def _adopt(self, node: Node, index: int, record: Record, state: State) -> None:
        """A task run had ended before this process began; only a retry that was due and never reported is made up for."""
        again = None
        if isinstance(state, Failed) and "task_run_count" in state.context:
            again = pipeline.after_run(node.task, state, record, self._terms.clock.now())
        self._rest(node, index, record, state if again is None else self._enter(node, index, record, again))

    def _try(self, node: Node, index: int, record: Record) -> None:
        values = self._context_of(node, index, record)
        upstream = self._values.upstream(node, index)
        instead: State | None
        if pipeline.is_resumed(record):
            with context(resume=True):
                instead = pipeline.before_run(node.task, node.edges, upstream)
        else:
            instead = pipeline.before_run(node.task, node.edges, upstream)
        if instead is not None:
            self._rest(node, index, record, self._enter(node, index, record, instead))
        elif self._line is None or not self._line.holds((node, index, record, values)):
            self._go(node, index, record, values)

    def _queue(self, answer: SlotAnswer) -> None:
        """Some have their slots; others have to wait, and are seen to."""
        assert self._line is not None  # nobody else asks
        for (node, index, record, _), why in self._line.take(answer):
            state = self._enter(node, index, record, Queued(why, context=pipeline.facts(record)))
            children = self._maps[node.index]
            if index < 0 or children is None:
                self.states[node.index] = state
            else:
                children.states[index] = state

    def _go(self, node: Node, index: int, record: Record, values: dict[str, Any]) -> None:
        """Nothing is in a task run's way any more."""
        try:
            inputs = self._values.inputs(node, index)
        except Exception as error:
            message = f"The inputs of the task cannot be had: {error}"
            _logger.error("Task %r: %s", values["task_full_name"], message)
            self._rest(node, index, record, self._enter(node, index, record, Failed(message, error)))
            return
        if node.recalls and self._terms.caching is not None:
            known = self._terms.caching.recall(node, index, record, inputs, values)
            if known is not None:
                self._rest(node, index, record, self._enter(node, index, record, known))
                return
        if node.task.task_run_name is not None:
            self._name(node, index, inputs, values)
        state = self._enter(node, index, record, Running("Starting task run."))
        if not isinstance(state, Running):
            self._rest(node, index, record, state)
            return
        self._submit(node, index, record, inputs, values)

    def _name(self, node: Node, index: int, inputs: dict[str, Any], values: dict[str, Any]) -> None:
        """Name the task run as its author wants; a name that cannot be made is no reason not to run."""
        template = node.task.task_run_name
        token = current_frame.set(Frame(values, self._terms.scope))
        try:
            names = nameable(inputs)
            name = template(**names) if callable(template) else str(template).format(**names)
        except Exception as error:
            _logger.warning("The task_run_name of task %r cannot be made: %r", node.slug, error)
            return
        finally:
            current_frame.reset(token)
        values["task_run_name"] = name
        if self._terms.reporter is not None:
            self._terms.reporter.task_name(node.slug, index, name)

    def _submit(self, node: Node, index: int, record: Record, inputs: dict[str, Any], values: dict[str, Any]) -> None:
        terms = self._terms
        if node.task.cleans_up:
            self._cleaning.begun.add(node.index)
        work = self._works[node.index]
        if work is None:
            work = self._works[node.index] = Work(node.task, terms.scope, terms.store(node))
        try:
            self._inline = terms.executor.inline
            future = terms.executor.submit(run_task, work, inputs, values, name=values["task_full_name"], tags=node.task.tags)
            with self._interrupting:
                self._inline = False
            state = future.result() if future.done() else None
        except KeyboardInterrupt:
            self._inline = False
            self._interrupted(node, index, record)
            return
        except TowpathError as error:
            self._inline = False
            self._ended(node, index, record, self._not_run(values, error))
            return
        if state is not None:
            self._ended(node, index, record, state)
        else:
            self._inflight += 1
            future.add_done_callback(lambda done: self._inbox.put((node, index, record, done)))

    def _not_run(self, values: dict[str, Any], error: TowpathError) -> State:
        """What becomes of a try that the executor could not take to its end."""
        with context(**values):
            _logger.error("Task %r: %s", values["task_full_name"], error.message)
        return Failed(error.message, error)

    def _context_of(self, node: Node, index: int, record: Record) -> dict[str, Any]:
        task = node.task
        values: dict[str, Any] = {
            "task_name": task.name,
            "task_slug": node.slug,
            "task_full_name": task.name if index < 0 else f"{task.name}[{index}]",
            "task_tags": task.tags,
            "task_run_count": record.run_count,
            "map_index": None if index < 0 else index,
        }
        if record.loop_count is not None:
            values["task_loop_count"] = record.loop_count
            values["task_loop_result"] = record.loop_result
        if record.state is not None and pipeline.is_resumed(record):
            values["resume"] = True
        if self._terms.task_context is not None:
            values.update(self._terms.task_context(node.slug, index))
        return values

    def _ended(self, node: Node, index: int, record: Record, state: State) -> None:
        """A try has ended in `state`."""
        if self._line and node.task.tags:
            self._line.freed(node.task.tags)
        if isinstance(state, Failed) and node.task.max_retries:
            state.context.update(pipeline.facts(record))
        state = self._enter(node, index, record, state)
        if isinstance(state, Failed):
            again = pipeline.after_run(node.task, state, record, self._terms.clock.now())
            if again is not None and self.cancel_reason is None:
                state = self._enter(node, index, record, again)
        elif node.recalls and self._terms.caching is not None:
            cached = self._terms.caching.keep(node, index, record, state)
            if cached is not None:
                state = self._enter(node, index, record, cached)
        self._rest(node, index, record, state)

    def _interrupted(self, node: Node, index: int, record: Record) -> None:
        self.cancel_reason = self.cancel_reason or _INTERRUPTED
        if not self.leaving:
            self._rest(node, index, record, self._enter(node, index, record, Cancelled(self.cancel_reason)))

    def _enter(self, node: Node, index: int, record: Record, state: State) -> State:
        """Move a task run to `state`: ask its handlers, write it down, report it."""
        task = node.task
        if task.state_handlers:
            state = handled(task, record.state or Pending(), state)
        pipeline.advance(record, state)
        if self._terms.reporter is not None:
            self._terms.reporter.task_state(node.slug, index, state, self._terms.clock.now())
        return state

    def _rest(self, node: Node, index: int, record: Record, state: State) -> None:
        """A task run is in `state` and nothing is being done for it."""
        if isinstance(state, Finished) and not isinstance(state, Looped):
            self._finish(node, index, state)
            return
        children = self._maps[node.index]
        if index < 0 or children is None:
            self.states[node.index] = state
        else:
            children.states[index] = state
        if not isinstance(state, Scheduled):
            self._stack.append((node, index, record))
        elif state.start_time is not None:
            self._timer_count += 1
            heapq.heappush(self._timers, (state.start_time, self._timer_count, node, index, record))

    # --- what follows -------------------------------------------------------------------------------------------------------------

    def _finish(self, node: Node, index: int, state: State) -> None:
        """A task run has ended for good: tell those who wait for it, and nobody else."""
        if index < 0:
            self.states[node.index] = state
            self._arrive(node.waiters)
            self._arrive(node.followers)
            return
        children = self._maps[node.index]
        assert children is not None
        children.states[index] = state
        children.remaining -= 1
        if children.remaining == 0:
            self._arrive(node.waiters)
        for number in reversed(node.followers):
            following = self._maps[number]
            if following is not None and index < len(following.states):
                following.waiting[index] -= 1
                if following.waiting[index] == 0:
                    self._stack.append((self._nodes[number], index, None))

    def _arrive(self, numbers: list[int]) -> None:
        waiting = self._waiting
        for number in reversed(numbers):
            waiting[number] -= 1
            if waiting[number] == 0:
                self._stack.append((self._nodes[number], -1, None))

    def _open(self, node: Node, record: Record) -> None:
        """Spread a mapped task over its inputs."""
        known = record.state.n_map_states if isinstance(record.state, Mapped) and record.state.n_map_states else None
        if known is None:
            upstream = [self.states[edge.up] or Pending() for edge in node.edges]
            instead = pipeline.before_map(node.task, node.edges, upstream)
            sources: dict[int, Source] = {}
            if instead is None:
                try:
                    known, sources = self._values.width(node)
                except TowpathError as error:
                    instead = Failed(error.message, error)
            if instead is not None:
                self._finish(node, -1, self._enter(node, -1, record, instead))
                return
            assert known is not None
            children = MapRun([None] * known, [0] * known, known, sources)
            state = self._enter(node, -1, record, Mapped("Ready to proceed with mapping.", map_states=children.states, n_map_states=known))
        else:
            children = MapRun([None] * known, [0] * known, known)
            state = Mapped(record.state.message if record.state else None, map_states=children.states, n_map_states=known)
        self.states[node.index] = state
        self._maps[node.index] = children
        for edge in node.edges:
            above = self._maps[edge.up] if edge.follows else None
            if above is not None:
                for index in range(known):
                    if not isinstance(above.states[index], Finished):
                        children.waiting[index] += 1
        self._stack.extend((node, index, None) for index in range(known - 1, -1, -1) if children.waiting[index] == 0)
        if known == 0:
            self._arrive(node.waiters)
        self._arrive(node.followers)
