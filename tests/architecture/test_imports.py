"""The walls between packages stand where the architecture puts them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_import_rules_hold():
    """import-linter finds no broken contract."""
    command = [Path(sys.executable).parent / "lint-imports", "--config", ROOT / ".importlinter"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_folders_that_share_a_name_with_a_pypi_module_are_no_packages():
    """services/graphql, agents/docker and agents/kubernetes hold no __init__.py, so they never shadow the real modules."""
    for folder in ("services", "services/graphql", "agents", "agents/docker", "agents/kubernetes", "tests"):
        assert not (ROOT / folder / "__init__.py").exists()


def test_every_package_explains_itself():
    """Each package has a README that says what it is for, and a py.typed marker."""
    projects = [p.parent for p in ROOT.glob("*/pyproject.toml")] + [p.parent for p in ROOT.glob("*/*/pyproject.toml")]
    projects = [p for p in projects if (p / "src").is_dir()]
    assert len(projects) >= 11
    for project in projects:
        assert len((project / "README.md").read_text().splitlines()) >= 10, f"{project.name}: README.md is too thin"
        assert list(project.glob("src/*/py.typed")), f"{project.name} has no py.typed"


def test_files_keep_to_one_subject():
    """No Python file grows past 450 lines (the soft limit is 400)."""
    too_long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("proto", "sdk", "agents", "services", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if "node_modules" not in path.parts and (lines := len(path.read_text().splitlines())) > 450
    }
    assert not too_long
