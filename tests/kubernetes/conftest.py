"""A real control plane of Kubernetes, which `make k8s-tools` has built."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Site, empty_site, make_site, until  # noqa: F401  (fixtures)
from tests.kubernetes.cluster import PROGRAMS, TOOLS, Cluster, running


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane for the whole session; tests take namespaces of their own."""
    folder: Path = tmp_path_factory.mktemp("cluster")
    if missing := [name for name in PROGRAMS if not (TOOLS / name).exists()]:
        pytest.exit(f"there is no {missing[0]} in {TOOLS}; build it with `make k8s-tools` (needs Go)", 1)
    with running(folder) as found:
        yield found
