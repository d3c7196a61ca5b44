from __future__ import annotations

import pytest

from tests.support.isas import isa

__all__ = ["isa"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ask which instruction sets were exercised when everything else has run."""
    items.sort(key=lambda item: item.path.name == "test_isas_exercised.py")
