"""The Kubernetes agent: runs flows as Jobs.

Failure cases:
* The API server is away: Jobs are offered for a while, then given back with the reason; watches go on where they broke off. A Job's name
  comes from its claim, so that whatever is asked twice is there once.
* The agent dies: Jobs go on, their own supervisors renew their leases. The next agent of the same name finds them by their labels.
* A pod cannot start (image, configuration), or the cluster refuses it (quota, Pod Security): the run's log says so at once. If it does not
  pass, the run is given back with that reason and the Job is deleted.
* A pod ends without a word (out of memory, evicted, no Towpath in its image), or somebody deletes its Job: the API is asked whether the run
  had begun. It is given back, or reported Failed with what the cluster knows and the container's last lines.
* A run is cancelled: its Job is deleted; the pod's supervisor gets SIGTERM and its grace, and reports.
* A run got another owner: its Job is deleted and nothing is reported.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self

import httpx2

from towpath.agent import documents
from towpath.agent.claims import ClaimedRun
from towpath.agent.endings import SHOWN_LINES, Duty, Ending
from towpath.agent.installation import Installation
from towpath.agent.settings import AgentSettings
from towpath.agent.supervised import Key, SupervisedAgent
from towpath.client.settings import Settings
from towpath.client.transport import backoff
from towpath_agent_kubernetes import endings, jobs
from towpath_agent_kubernetes.cluster import Cluster, Event, Job, Pod, passing, said
from towpath_agent_kubernetes.settings import KubernetesSettings
from towpath_agent_kubernetes.waiting import Once, Waiting


class KubernetesAgent(SupervisedAgent):
    """Runs flows as Jobs of a Kubernetes cluster.

    Args:
        settings: Name, labels and the like.
        kubernetes: What only this kind can be told.
        client_settings: How to reach the API; the environment's when absent.

    Raises:
        TowpathError: `BAD_SETTING` when no cluster is known here.
    """

    kind = "kubernetes"
    run_config_types = ("KubernetesRun", "UniversalRun")
    thing = "pod"

    def __init__(
        self, settings: AgentSettings, *, kubernetes: KubernetesSettings | None = None, client_settings: Settings | None = None
    ) -> None:
        self._kubernetes = kubernetes or KubernetesSettings()
        super().__init__(settings, max_runs=self._kubernetes.max_runs, client_settings=client_settings)
        self._cluster = Cluster(self._kubernetes.namespace, self._kubernetes.kubeconfig, self._kubernetes.context)
        self._waiting = Waiting(self._kubernetes.trouble_grace)
        self._settled = Once()  # claims whose end was taken care of
        self._live: dict[Key, set[str]] = {}  # the pods of claims that have not ended, by their uids
        self._shown = Once()  # claims whose output is or was printed
        self._showing: set[Key] = set()  # those whose output is; the Job stays until all of it was
        self._told = Once()  # what the log of a run has been told

    def setup(self) -> None:
        """Connect to the cluster, and follow the Jobs of an agent before this one.

        Raises:
            TowpathError: `UNREACHABLE` or `FORBIDDEN`.
        """
        self._cluster.connect()
        self.log.info("Kubernetes at %s, namespace %s.", self._cluster.address, self._cluster.namespace)
        ours = {jobs.AGENT: jobs.label(self.mark)}
        followed: tuple[tuple[Any, dict[str, Any]], ...] = (
            (Job, {"labels": ours, "listed": self._jobs_listed, "changed": self._job_changed}),
            (Pod, {"labels": ours, "listed": self._pods_listed, "changed": self._pod_changed}),
            # events have no labels
            (Event, {"fields": {"type": "Warning"}, "listed": self._events_listed, "changed": self._event_changed}),
        )
        for kind, how in followed:
            how |= {
                "stop": self._stopping,
                "before": lambda: dict(self.book.items()),
                "trouble": lambda words: self.log.warning("%s The agent keeps trying.", words),
            }
            name = f"towpath-kubernetes-{kind.__name__.lower()}s"
            threading.Thread(target=self._cluster.follow, args=(kind,), kwargs=how, name=name, daemon=True).start()
        threading.Thread(target=self._lose_patience, name="towpath-kubernetes-patience", daemon=True).start()

    def teardown(self) -> None:
        """Let go of the cluster. Jobs go on."""
        super().teardown()
        self._waiting.wake()
        self._cluster.close()

    def deploy(self, run: ClaimedRun) -> None:
        """Make the run's Job of the templates, check it against the policy, and have it accepted."""
        plan = jobs.plan(run, self._kubernetes, api_url=self.client_settings.api_url, trusted_keys=self.trusted_keys(), mark=self.mark)
        self.start(run, lambda: self._launch(plan))

    def cancel(self, run: ClaimedRun, reason: str, *, fenced: bool) -> None:
        """Stop the launch: the Job is deleted."""
        job = self.book.unwanted(run.key)
        if job is not None:
            self._delete(job)

    def renew_soon(self) -> None:
        """Delete the Jobs of runs that are to be stopped: nobody can poke a pod without being allowed to execute commands in it."""
        self._later(self._delete_cancelled)

    # ----------------------------------------------------------------------------------------------------------------- the command line

    @classmethod
    def command_options(cls) -> list[Any]:
        """Options of `towpath agent kubernetes start`."""
        from towpath_agent_kubernetes.options import OPTIONS

        return list(OPTIONS)

    @classmethod
    def from_command(cls, settings: AgentSettings, client_settings: Settings, options: Mapping[str, Any]) -> Self:
        """An agent as the command line describes it."""
        from towpath_agent_kubernetes.options import read

        return cls(settings, kubernetes=read(options), client_settings=client_settings)

    @classmethod
    def install_options(cls) -> list[Any]:
        """Options of `towpath agent kubernetes install` beyond those of `start`."""
        from towpath_agent_kubernetes.manifests import OPTIONS

        return list(OPTIONS)

    @classmethod
    def installation(cls, wanted: Installation) -> str:
        """Manifests: the agent's Deployment, its account and its rights."""
        from towpath_agent_kubernetes.manifests import text

        return text(wanted)

    # ------------------------------------------------------------------------------------------------------------- starting and stopping

    def _launch(self, plan: jobs.Plan) -> str:
        self._cluster.start(plan, self._stopping)
        return plan.name

    def discard(self, handle: str) -> None:
        """Delete the Job."""
        self._delete(handle)

    def _delete(self, job: str) -> None:
        self._later(self._cluster.delete, job)

    def _delete_cancelled(self) -> None:
        book = {key: job for key, job in self.book.items() if job is not None}
        if not book:
            return
        leases = [{"flow_run_id": run, "fence": fence} for run, fence in book]
        answer = self._ask(documents.RENEW, {"input": {"leases": leases}})
        cancelled = {row.get("flow_run_id") for row in (answer["renew_leases"]["results"] if answer else ()) if row.get("cancel")}
        for (run, _), job in book.items():
            if run in cancelled:
                self._delete(job)

    # ---------------------------------------------------------------------------------------------------------- what the cluster tells

    def _jobs_listed(self, found: list[dict[str, Any]], known: dict[Key, str | None]) -> None:
        """All Jobs. Those that were `known` before the list was asked for and are not in it were deleted while nobody looked."""
        for job in found:
            self._job_changed("ADDED", job)
        names = {job["metadata"]["name"] for job in found}
        for key, name in known.items():
            if name is not None and name not in names:
                self._later(self._end, ClaimedRun(*key, ""), None)

    def _job_changed(self, what: str, job: dict[str, Any]) -> None:
        run = jobs.claimed(job["metadata"])
        if run is None:
            return
        finished = endings.job_finished(job) is not None
        if run.key in self._settled:
            if finished:  # an agent before this one may have died before it deleted it
                self._forget(run)
        elif what == "DELETED" or finished:
            self._later(self._end, run, None)
        elif self.book.is_unwanted(run.key):
            if not job["metadata"].get("deletionTimestamp"):
                self._delete(jobs.job_name(run))
        else:
            self.adopt(run, jobs.job_name(run))

    def _pods_listed(self, found: list[dict[str, Any]], known: dict[Key, str | None]) -> None:
        self._live.clear()  # what went meanwhile is not told of
        for pod in found:
            self._count("ADDED", pod)
        for pod in found:
            self._pod_changed("ADDED", pod)

    def _pod_changed(self, what: str, pod: dict[str, Any]) -> None:
        others = self._count(what, pod)
        run = jobs.claimed(pod["metadata"])
        if run is None or run.key in self._settled:
            return
        if self._kubernetes.show_flow_logs and what != "DELETED" and endings.began(pod) and self._shown.add(run.key):
            self._showing.add(run.key)
            threading.Thread(target=self._show, args=(run, pod), name="towpath-kubernetes-output", daemon=True).start()
        if what == "DELETED" or endings.ended(pod):
            if others:
                # a controller that had missed something made two of them: this one was refused by the API, or taken back
                self.log.info("The pod %s of flow run %s ended beside another one.", pod["metadata"]["name"], run.id)
            else:
                self._later(self._end, run, pod)
        elif (trouble := endings.trouble(pod)) is None:
            self._waiting.clear(run.key)
        elif self._waiting.add(run.key, trouble.reason, at_once=trouble.hopeless):
            self._tell(run.key, f"The pod {trouble.reason}.")

    def _count(self, what: str, pod: dict[str, Any]) -> bool:
        """Keep count of the pods that have not ended. Whether the claim has others than this one."""
        run = jobs.claimed(pod["metadata"])
        if run is None:
            return False
        live, uid = self._live.setdefault(run.key, set()), pod["metadata"]["uid"]
        if what == "DELETED" or endings.ended(pod):
            live.discard(uid)
        else:
            live.add(uid)
        if not live:
            del self._live[run.key]
        return bool(live - {uid})

    def _events_listed(self, found: list[dict[str, Any]], known: dict[Key, str | None]) -> None:
        """Events of the past were told or are past: what still troubles a pod makes new ones."""

    def _event_changed(self, what: str, event: dict[str, Any]) -> None:
        key = endings.owner(event)
        if key is None or what == "DELETED" or key in self._settled or key not in dict(self.book.items()):
            return
        said = f"{event.get('reason')}: {str(event.get('message') or '').strip().rstrip('.')}"
        if event.get("reason") == endings.REFUSED:
            self._waiting.add(key, f"was refused by the cluster: {said}")
        self._tell(key, said)

    def _show(self, run: ClaimedRun, pod: dict[str, Any]) -> None:
        def show(line: str) -> None:
            print(line, flush=True)

        name, container = pod["metadata"]["name"], endings.container_of(pod)
        try:
            self._cluster.pass_on(name, container, show, lambda: run.key in self._settled, self._stopping)
        finally:
            self._showing.discard(run.key)
            if run.key in self._settled:
                self._forget(run)

    def _later(self, what: Callable[..., Any], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the workers have been shut down
            self.workers.submit(self._safely, what, *arguments)

    def _safely(self, what: Callable[..., Any], *arguments: Any) -> None:
        """Do it, again and again while the API server is away: it will not tell it twice."""
        attempt = 0
        while True:
            try:
                what(*arguments)
            except httpx2.HTTPError as e:
                if not passing(e):
                    self.log.warning("The API server at %s refuses: %s.", self._cluster.address, said(e))
                    return
            except Exception:
                self.log.exception("What the cluster told could not be followed.")
                return
            else:
                return
            if self._stopping.wait(backoff(attempt, first=0.2, longest=10.0)):
                return
            attempt += 1

    # --------------------------------------------------------------------------------------------------------------------------- ending

    def _end(self, run: ClaimedRun, pod: dict[str, Any] | None) -> None:
        """Take care of the end of a run's pod or Job, if that is the end of the run's."""
        verdict, output = self._verdict(run, pod)
        if verdict is not None and self._settled.add(run.key):
            self._waiting.clear(run.key)
            self.ended(run, jobs.job_name(run), verdict, output)
            self._forget(run)

    def _verdict(self, run: ClaimedRun, pod: dict[str, Any] | None) -> tuple[Ending | None, list[str]]:
        if pod is None:
            pods = self._cluster.pods({jobs.RUN: run.id, jobs.FENCE: str(run.fence)})
            if any(not endings.ended(one) for one in pods):
                return None, []  # it is told of when it ends, and knows more than its Job
            pod = pods[-1] if pods else None
        if pod is not None:
            verdict = endings.of_pod(pod, [])
            if verdict.duty is Duty.NOTHING:
                return verdict, []
            output = self._cluster.output(pod["metadata"]["name"], endings.container_of(pod), SHOWN_LINES)
            return endings.of_pod(pod, output), output
        job = self._cluster.job(jobs.job_name(run))
        why = endings.job_finished(job) if job else None
        if job is not None and why is None:
            return None, []
        return Ending(Duty.FIND_OUT, f"was ended by the cluster: {why}" if why else "was deleted with its Job"), []

    def _forget(self, run: ClaimedRun) -> None:
        if not self._kubernetes.keep and run.key not in self._showing:
            self._delete(jobs.job_name(run))

    def _lose_patience(self) -> None:
        while not self.stopping:
            for key, reason in self._waiting.take_due():
                self._later(self._give_up, ClaimedRun(*key, ""), reason)
            self._waiting.wait()

    def _give_up(self, run: ClaimedRun, reason: str) -> None:
        """The pod does not start: the run goes back with the reason, and the Job goes."""
        if self._settled.add(run.key):
            self.ended(run, jobs.job_name(run), Ending(Duty.FIND_OUT, reason), [])
        self._delete(jobs.job_name(run))

    def _tell(self, key: Key, words: str) -> None:
        """Put it into the run's log, once."""
        if self._told.add((key, words)):
            self._later(self.tell, key[0], words)
