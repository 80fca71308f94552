"""The zygote: forks the process of each run, and supervises it.

One thread and one selector loop. It holds no user code and waits for nothing but the selector: the API is spoken to by the courier
process. Its socket lies in a directory that only its user may enter. It outlives the agents that use it; without children, unsent reports
and agents it ends after a while. If it dies, the kernel kills its children with it, and their leases run out.
"""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from towpath import processes
from towpath.client.settings import Settings
from towpath.runner import courier, place
from towpath.runner.child_table import Child, Stage, Verdict, Why
from towpath.runner.launch import Launch, become_child, environment
from towpath.runner.supervision import Supervision
from towpath.runner.wire import Lines, Message, pack

IDLE = 30.0
"""Seconds without children, unsent reports and agents after which the runner ends."""
_OUTPUT_LIMIT = 64 * 2**20
_REMEMBERED = 10_000
_STOPS = (signal.SIGTERM, signal.SIGINT)
"""What a container's engine sends to stop it: an image may name the second in place of the first."""
_SIGNALS = (signal.SIGCHLD, signal.SIGUSR1, *_STOPS)


class _Peer:
    """One agent's connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.lines = Lines()
        self.unsent = bytearray()
        self.env: dict[str, str] = dict(os.environ)


class Runner:
    """The runner of one directory, or of one run.

    Args:
        directory: Its directory; the lock is held by the caller.
        settings: How to reach the API.
        listener: The listening socket; None for a runner that agents do not speak to.
        lock: The lock's descriptor.
        fingerprint: What code it holds; an agent that holds other code asks it to retire.
        run: What a forked child does; gets the descriptor to report its stage on.
        idle: Seconds after which an unused runner ends.
        what: What its children stop with when it is told to, for people.
    """

    def __init__(
        self,
        directory: Path,
        settings: Settings,
        *,
        listener: socket.socket | None,
        lock: int | None,
        fingerprint: str,
        run: Callable[[int], int],
        idle: float = IDLE,
        what: str = "the runner of this machine",
    ) -> None:
        self._directory = directory
        self._settings = settings
        self._listener = listener
        self._lock = lock
        self._what = what
        self._last: Verdict | None = None
        self._fingerprint = fingerprint
        self._run = run
        self._idle = idle
        self._children: dict[tuple[str, int], Child] = {}
        self._by_pid: dict[int, Child] = {}
        self._done: dict[tuple[str, int], None] = {}
        self._peers: set[_Peer] = set()
        self._selector = selectors.DefaultSelector()
        self._idle_since: float | None = time.monotonic()
        self._ending = False
        self._output_checked = 0.0
        self._memory_events = processes.memory_events_file()
        self._courier = courier.Courier(settings, self._selector)
        self._supervision = Supervision(
            self._children,
            send=self._courier.send,
            stop=self._stop,
            clock=time.monotonic,
            timestamp=lambda: datetime.now(UTC).isoformat(),
        )

    # ----------------------------------------------------------------------------------------------------------------------------- loop

    def run_one(self, launch: Launch) -> Verdict:
        """Start this run, with the environment as it is, and supervise it to its end.

        Raises:
            OSError: Its process cannot be started.
        """
        self._fork(launch, dict(os.environ))
        self.serve()
        assert self._last is not None
        return self._last

    def serve(self) -> None:
        """Run until there is nothing to do any more. SIGUSR1 renews the leases now: the answer says which runs are to be stopped."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        self._selector.register(wake_read, selectors.EVENT_READ, lambda _: self._on_signals(wake_read))
        if self._listener is not None:
            self._selector.register(self._listener, selectors.EVENT_READ, lambda _: self._accept())
        gc.collect()
        gc.freeze()  # what is there now stays shared with the children instead of being copied when they collect
        while not self._finished():
            for key, events in self._selector.select(self._timeout()):
                key.data(events)
            self._supervision.work()
            self._kill_overdue()
            self._courier.check()
            self._check_output()

    def _finished(self) -> bool:
        busy = bool(self._children or self._supervision.reports)
        if busy or (self._peers and not self._ending):
            self._idle_since = None
            return False
        if self._ending or self._listener is None:
            return True
        self._idle_since = self._idle_since or time.monotonic()
        if time.monotonic() - self._idle_since < self._idle:
            return False
        # gone for new agents before it is gone: they start another one
        self._retire()
        return True

    def _timeout(self) -> float | None:
        moments = [child.kill_at for child in self._children.values() if child.kill_at is not None]
        moments += [due for due in (self._supervision.next_due(), self._courier.next_due()) if due is not None]
        if self._idle_since is not None:
            moments.append(self._idle_since + self._idle)
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _on_signals(self, descriptor: int) -> None:
        with contextlib.suppress(BlockingIOError):
            numbers = os.read(descriptor, 1024)
            told = next((stop for stop in _STOPS if stop in numbers), None)
            if told is not None:
                self._ending = True
                self._retire()
                self._supervision.leave(f"was told to stop with {self._what} ({told.name})")
            if signal.SIGUSR1 in numbers:
                self._supervision.renew_soon()
        self._reap()

    # --------------------------------------------------------------------------------------------------------------------------- agents

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        peer = _Peer(connection)
        self._peers.add(peer)
        self._selector.register(connection, selectors.EVENT_READ, lambda events: self._on_peer(peer, events))

    def _on_peer(self, peer: _Peer, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._drain(peer)
            if events & selectors.EVENT_READ:
                data = peer.socket.recv(65536)
                if not data:
                    raise ConnectionResetError
                for message in peer.lines.feed(data):
                    self._handle(peer, message)
        except BlockingIOError:
            return
        except (OSError, ValueError, KeyError):  # gone, or not speaking our language
            self._drop(peer)

    def _drop(self, peer: _Peer) -> None:
        if peer in self._peers:
            self._peers.remove(peer)
            self._selector.unregister(peer.socket)
            peer.socket.close()

    def _tell(self, peer: _Peer, message: Message) -> None:
        peer.unsent += pack(message)
        self._drain(peer)

    def _drain(self, peer: _Peer) -> None:
        if peer not in self._peers:
            return
        try:
            while peer.unsent:
                sent = peer.socket.send(peer.unsent)
                del peer.unsent[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(peer)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if peer.unsent else 0)
        key = self._selector.get_key(peer.socket)
        if key.events != events:
            self._selector.modify(peer.socket, events, key.data)

    def _tell_all(self, message: Message) -> None:
        for peer in list(self._peers):
            self._tell(peer, message)

    def _handle(self, peer: _Peer, message: Message) -> None:
        match message["op"]:
            case "hello":
                token = message.get("token")
                if token:
                    self._courier.renew_token(token)
                if message.get("env"):
                    peer.env = {str(k): str(v) for k, v in message["env"].items()}
                self._tell(peer, self._greeting())
            case "launch":
                self._tell(peer, self._launch(Launch.from_message(message), peer.env))
            case "cancel":
                child = self._children.get((message["flow_run_id"], int(message["fence"])))
                if child is not None:
                    why = Why.NOT_OURS if message.get("fenced") else Why.CANCELLED
                    self._stop(child, str(message.get("reason") or "The run was cancelled"), why=why)
            case "renew":
                self._supervision.renew_soon()
            case "retire":
                self._retire()
                self._tell(peer, {"op": "retired"})
            case _:
                raise ValueError("unknown operation")

    def _greeting(self) -> Message:
        children = self._children.values()
        runs = [{"flow_run_id": c.launch.flow_run_id, "fence": c.launch.fence, "pid": c.pid, "stage": str(c.stage)} for c in children]
        return {"op": "hello", "pid": os.getpid(), "fingerprint": self._fingerprint, "runs": runs, "trouble": self._supervision.trouble}

    def _retire(self) -> None:
        if self._listener is not None:
            (self._directory / place.SOCKET).unlink(missing_ok=True)
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # ------------------------------------------------------------------------------------------------------------------------- children

    def _launch(self, launch: Launch, env: dict[str, str]) -> Message:
        about = {"flow_run_id": launch.flow_run_id, "fence": launch.fence}
        key = (launch.flow_run_id, launch.fence)
        known = self._children.get(key)
        if known is not None:
            return {"op": "launched", **about, "pid": known.pid, "stage": str(known.stage)}
        if key in self._done:
            return {"op": "launched", **about, "pid": None, "stage": str(Stage.FINAL)}
        if self._listener is None:
            return {"op": "refused", **about, "reason": "The runner is ending."}
        try:
            child = self._fork(launch, env)
        except OSError as e:
            return {"op": "refused", **about, "reason": f"This machine cannot start another process: {e.strerror}."}
        return {"op": "launched", **about, "pid": child.pid, "stage": str(child.stage)}

    def _fork(self, launch: Launch, base: dict[str, str]) -> Child:
        oom_before = processes.oom_kills(self._memory_events)
        env = environment(launch, base=base, api_url=self._settings.api_url)
        # both ways: it says how far it is, and is told why it has to stop
        read, write = (end.detach() for end in socket.socketpair())
        sys.stdout.flush()
        sys.stderr.flush()
        # no signal between the fork and the child's own handlers; it unblocks them itself
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            parent = os.getpid()
            pid = os.fork()
            if pid == 0:
                become_child(launch, parent=parent, status_fd=write, env=env, run=self._run)
        except OSError:
            os.close(read)
            raise
        finally:
            os.close(write)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        with contextlib.suppress(OSError):  # the child does the same; whoever is first, the group is there from now on
            os.setpgid(pid, pid)
        os.set_blocking(read, False)
        child = Child(launch, pid, time.monotonic(), oom_before=oom_before, memory_events=self._memory_events, status_fd=read)
        self._children[child.key] = child
        self._by_pid[pid] = child
        self._selector.register(read, selectors.EVENT_READ, lambda _: self._on_status(child))
        return child

    def _on_status(self, child: Child) -> None:
        try:
            while data := os.read(child.status_fd, 65536):
                for message in child.lines.feed(data):
                    child.hear(message, now=time.monotonic())
                    if "stage" in message:
                        about = {"flow_run_id": child.launch.flow_run_id, "fence": child.launch.fence}
                        self._tell_all({"op": "stage", **about, "stage": str(child.stage)})
            self._forget_status(child)
        except BlockingIOError:
            return
        except (OSError, ValueError, KeyError):
            self._forget_status(child)

    def _forget_status(self, child: Child) -> None:
        if child.status_fd >= 0:
            self._selector.unregister(child.status_fd)
            os.close(child.status_fd)
            child.status_fd = -1

    def _stop(self, child: Child, reason: str, *, why: Why) -> None:
        number = child.stop(reason, now=time.monotonic(), why=why)
        if number is not None:
            self._log(f"stopping run {child.launch.flow_run_id} (process {child.pid}): {reason}")
            if why is Why.CANCELLED and child.status_fd >= 0:
                with contextlib.suppress(OSError):
                    os.write(child.status_fd, pack({"cancel": f"{reason}."}))
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, number)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if child.overdue(now):
                child.kill_at = now + 5.0
                # the whole group: what the run's code has started goes with it
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, signal.SIGKILL)

    def _reap(self) -> None:
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None:
                return
            child = self._by_pid.pop(found.si_pid, None)
            if child is not None:
                # while it is not waited for, its number cannot belong to anybody else: end what its code has left behind
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, signal.SIGKILL)
            _, status = os.waitpid(found.si_pid, 0)
            if child is not None:
                self._child_died(child, status)
            else:
                self._courier.died(found.si_pid)

    def _child_died(self, child: Child, status: int) -> None:
        if child.status_fd >= 0:
            self._on_status(child)  # its last words may still be in the pipe
            self._forget_status(child)
        del self._children[child.key]
        verdict = self._last = child.verdict(status)
        if verdict.ended != "unbegun":
            self._done[child.key] = None
            while len(self._done) > _REMEMBERED:
                del self._done[next(iter(self._done))]
        if verdict.reason:
            self._log(f"run {child.launch.flow_run_id} (process {child.pid}): {verdict.reason}")
        self._supervision.child_died(child, verdict)
        self._tell_all(
            {
                "op": "ended",
                "flow_run_id": child.launch.flow_run_id,
                "fence": child.launch.fence,
                "ended": verdict.ended,
                "state": verdict.state or child.state,
                "reason": verdict.reason,
            }
        )

    # --------------------------------------------------------------------------------------------------------------------------- output

    def _check_output(self) -> None:
        now = time.monotonic()
        if now - self._output_checked < 5.0:
            return
        self._output_checked = now
        path = self._directory / place.OUTPUT
        with contextlib.suppress(OSError):
            if path.stat().st_size > _OUTPUT_LIMIT:
                os.truncate(path, 0)  # every writer appends, so they go on at the new end

    def _log(self, text: str) -> None:
        print(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} towpath.runner {text}", file=sys.stderr, flush=True)
