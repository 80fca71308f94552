"""The chart is tested with helm and on the API server of tests/kubernetes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kubernetes.cluster import TOOLS
from tests.kubernetes.conftest import cluster  # noqa: F401  (fixture)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """helm's own folder."""
    if not (TOOLS / "helm").is_file():
        pytest.exit("helm is not built: run make k8s-tools (it needs Go)", 1)
    return tmp_path_factory.mktemp("helm")
