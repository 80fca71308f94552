"""What a new flow run takes from its flow, its flow's group and its request: parameters, labels, run config, name."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from towpath_proto import parameter_schemas
from towpath_proto.errors import Code, TowpathError

_ADJECTIVES = tuple(  # one text is easier to read than fifty lines
    (  # noqa: SIM905
        "amber brisk calm clear dusky early even fair fleet gentle golden green idle keen late level light lively long mellow mild misty "
        "narrow new old patient placid plain quiet ready reedy rippling round shaded silver slow small smooth soft steady still summer "
        "sunlit swift tidy trusty upper wide willing winding"
    ).split()
)
_NOUNS = tuple(
    (  # noqa: SIM905
        "alder aqueduct barge basin bend bollard bridge butty canal coot culvert current cutting dredger duck eel embankment ferry gate "
        "heron keel kingfisher landing level lock marina mooring narrowboat otter paddle path perch pike pound quay reach reed reservoir "
        "sluice staircase swan tiller towline tug wharf willow windlass winding"
    ).split()
)


def choose_name(rng: random.Random) -> str:
    """A name of two words for a run that was given none."""
    return f"{rng.choice(_ADJECTIVES)}-{rng.choice(_NOUNS)}"


def choose_parameters(
    declared: Sequence[Mapping[str, Any]], group_defaults: Mapping[str, Any], given: Any, *, flow_name: str
) -> dict[str, Any]:
    """The parameters of a run: the flow's defaults, then the group's, then the given ones.

    Args:
        declared: The flow's parameters as registered: `{name, required, default, schema, enforced}`.
        group_defaults: Defaults of the flow's group.
        given: What the request brings; None or an object.
        flow_name: For the sentences.

    Raises:
        TowpathError: `BAD_PARAMETERS` when `given` is no object or a value does not fit, `UNKNOWN_PARAMETER` or `MISSING_PARAMETER`, each
            with the names.
    """
    if given is not None and not isinstance(given, dict):
        raise TowpathError(Code.BAD_PARAMETERS, f"Parameters must be a JSON object of names and values, not a {type(given).__name__}.")
    known = {p["name"]: p for p in declared}
    unknown = sorted(set(given or {}) - set(known))
    if unknown:
        takes = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
        raise TowpathError(
            Code.UNKNOWN_PARAMETER, f"Flow '{flow_name}' has no parameter {', '.join(map(repr, unknown))}; {takes}.", parameters=unknown
        )
    chosen = {name: p.get("default") for name, p in known.items() if not p.get("required")}
    chosen |= {k: v for k, v in group_defaults.items() if k in known}
    chosen |= given or {}
    missing = sorted(name for name in known if name not in chosen)
    if missing:
        raise TowpathError(
            Code.MISSING_PARAMETER,
            f"Flow '{flow_name}' needs a value for {', '.join(map(repr, missing))}; "
            "give it with the run (`towpath run --param`) or as a default.",
            parameters=missing,
        )
    parameter_schemas.check(declared, chosen, flow_name=flow_name)
    return chosen


def choose_labels(
    given: Sequence[str] | None,
    given_run_config: Mapping[str, Any] | None,
    group_labels: Sequence[str] | None,
    group_run_config: Mapping[str, Any] | None,
    flow_run_config: Mapping[str, Any] | None,
    environment: Mapping[str, Any] | None,
) -> list[str]:
    """The labels of a run, sorted: the first of these that says anything (order of Prefect Server)."""
    candidates = (
        given,
        (given_run_config or {}).get("labels"),
        group_labels,
        (group_run_config or {}).get("labels"),
        (flow_run_config or {}).get("labels"),
        (environment or {}).get("labels"),
    )
    return sorted(set(next((c for c in candidates if c is not None), [])))
