"""Which Dask clusters can run what we send, by the versions that they tell."""

from __future__ import annotations

from towpath.executors.dask_cluster import differences, unfit

OURS = {"python": "3.11.7.final.0", "towpath": "0.1.0", "dask": "2026.8.0", "distributed": "2026.8.0", "cloudpickle": "3.1.3"}


def test_the_same_versions_fit():
    """Also a Python that differs in its last number only."""
    theirs = {"scheduler": OURS, "worker a": {**OURS, "python": "3.11.2.final.0"}}
    assert unfit(OURS, theirs) == ""
    assert differences(OURS, theirs) == []


def test_without_towpath():
    """Who has none is named."""
    assert unfit(OURS, {"scheduler": OURS, "worker a": {**OURS, "towpath": None}}) == "its worker a has no towpath installed"


def test_another_python():
    """Bytecode of one Python means something else to another."""
    assert unfit(OURS, {"scheduler": {**OURS, "python": "3.12.1.final.0"}}) == "its scheduler has Python 3.12, the run has 3.11"


def test_other_versions_are_told_once_each():
    """One line for a package, whatever the number of workers."""
    theirs = {"scheduler": OURS, **{f"worker {n}": {**OURS, "dask": "2025.1.0", "numpy": "2"} for n in range(3)}}
    assert unfit(OURS, theirs) == ""
    assert differences(OURS, theirs) == ["dask 2025.1.0 there, 2026.8.0 here"]
