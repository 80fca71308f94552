"""Runs helm on the chart."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.kubernetes.cluster import TOOLS

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "towpath"
VALUES = Path(__file__).with_name("values")
SETS = ("", "external", "small", "wide")  # "" has the chart's defaults


def values_of(name: str) -> list[str]:
    """The options that take one of the values files."""
    return ["--values", str(VALUES / f"{name}.yaml")] if name else []


def helm(*arguments: str, kubeconfig: Path | None = None, home: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run helm with its folders below `home`; without `kubeconfig` it knows no cluster."""
    if arguments[0] in ("template", "lint"):  # which ask no cluster what it is
        arguments = (*arguments, "--kube-version", "1.34.4")
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(kubeconfig or os.devnull)}
    done = subprocess.run([TOOLS / "helm", *arguments], env=env, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0 or not check, done.stderr + done.stdout
    return done


def render(name: str, home: Path, *more: str) -> list[dict[str, Any]]:
    """The objects that the chart makes of one set of values."""
    return objects(helm("template", "t", str(CHART), "--namespace", "towpath", *values_of(name), *more, home=home).stdout)


def objects(text: str) -> list[dict[str, Any]]:
    """The objects of a rendered chart."""
    return [each for each in yaml.safe_load_all(text) if each]


def one(found: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The object of this kind and name; AssertionError when it is not there once."""
    fitting = [each for each in found if each["kind"] == kind and each["metadata"]["name"] == name]
    assert len(fitting) == 1, f"{len(fitting)} of {kind}/{name} among {sorted((e['kind'], e['metadata']['name']) for e in found)}"
    return fitting[0]


def pod_specs(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The pods' specs by kind/name of what makes them."""
    makers = ("Deployment", "StatefulSet", "Job")
    return {f"{each['kind']}/{each['metadata']['name']}": each["spec"]["template"]["spec"] for each in found if each["kind"] in makers}
