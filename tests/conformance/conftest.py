from __future__ import annotations

import pytest

from tests.support import isas


@pytest.fixture(params=isas.supported())
def isa(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every instruction set the machine has, forced one after another."""
    name: str = request.param
    monkeypatch.setenv("BNN_ENGINE_ISA", name)
    return name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ask which instruction sets were exercised when everything else has run."""
    items.sort(key=lambda item: item.path.name == "test_isas_exercised.py")
