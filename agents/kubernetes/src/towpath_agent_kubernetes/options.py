"""The options of `towpath agent kubernetes start` that only this kind has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from towpath.agent.base import CannotStartError
from towpath.agent.options import ALLOW_REGISTRY, ENV, IMAGE, max_runs
from towpath.agent.settings import variables
from towpath_agent_kubernetes import templates
from towpath_agent_kubernetes.settings import MAX_RUNS, TROUBLE_GRACE, KubernetesSettings
from towpath_proto.errors import Code, TowpathError

_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)

OPTIONS = (
    click.Option(
        ["--namespace"], envvar="NAMESPACE", metavar="NAME", help="Where Jobs are made. Default: the kubeconfig's, or the agent's own."
    ),
    click.Option(["--kubeconfig"], metavar="FILE", help="Default: the pod's account, KUBECONFIG, ~/.kube/config: the first that is there."),
    click.Option(["--context"], metavar="NAME", help="A context of the kubeconfig. Default: the current one."),
    IMAGE,
    click.Option(["--image-pull-policy"], type=click.Choice(["Always", "IfNotPresent", "Never"]), help="When images are pulled."),
    click.Option(
        ["--image-pull-secrets"],
        multiple=True,
        envvar="IMAGE_PULL_SECRETS",
        metavar="NAME",
        help="Pull images with this secret. Repeatable.",
    ),
    ALLOW_REGISTRY,
    click.Option(["--service-account-name"], envvar="SERVICE_ACCOUNT_NAME", metavar="NAME", help="Who the pods are in the cluster."),
    click.Option(["--cpu-request"], metavar="CORES", help="Of runs for which nothing else says it, such as 500m."),
    click.Option(["--cpu-limit"], metavar="CORES", help="The same for the limit."),
    click.Option(["--memory-request"], metavar="BYTES", help="The same for memory, such as 512Mi."),
    click.Option(["--memory-limit"], metavar="BYTES", help="The same for the limit."),
    click.Option(["--job-template"], type=_FILE, help="A Job as YAML; what a run config says is laid over it."),
    click.Option(
        ["--template-folder"],
        type=click.Path(path_type=Path),
        help="Run configs may name files in it as agent://FILE.",
    ),
    ENV,
    click.Option(["--allow"], multiple=True, metavar="FIELD", help="Let Jobs have this field, such as hostPath. Repeatable."),
    max_runs(MAX_RUNS),
    click.Option(["--show-flow-logs", "-f"], is_flag=True, help="Print what runs print."),
    click.Option(["--disable-job-deletion"], is_flag=True, help="Leave Jobs there when they have ended."),
    click.Option(
        ["--trouble-grace"],
        type=click.FloatRange(min=0),
        default=TROUBLE_GRACE,
        show_default=True,
        help="Seconds that a pod which cannot start has to get over it.",
    ),
)


def read(options: Mapping[str, Any]) -> KubernetesSettings:
    """The settings that the values of `OPTIONS` mean.

    Raises:
        TowpathError: `BAD_SETTING` for an --env that is not KEY=VALUE, or a --job-template that is none.
    """
    return KubernetesSettings(
        namespace=options["namespace"],
        kubeconfig=options["kubeconfig"],
        context=options["context"],
        image=options["image"],
        image_pull_policy=options["image_pull_policy"],
        image_pull_secrets=tuple(options["image_pull_secrets"]),
        allowed_registries=tuple(options["allow_registry"]),
        service_account_name=options["service_account_name"],
        cpu_request=options["cpu_request"],
        cpu_limit=options["cpu_limit"],
        memory_request=options["memory_request"],
        memory_limit=options["memory_limit"],
        job_template=_template(options["job_template"]),
        template_folder=options["template_folder"],
        env=variables(options["env"]),
        allowed=frozenset(options["allow"]),
        max_runs=options["max_runs"],
        show_flow_logs=options["show_flow_logs"],
        keep=options["disable_job_deletion"],
        trouble_grace=options["trouble_grace"],
    )


def _template(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return templates.parse(path.read_text(encoding="utf-8"), f"--job-template {path}")
    except (CannotStartError, OSError, UnicodeDecodeError) as e:
        raise TowpathError(Code.BAD_SETTING, f"{e}.") from e
