from __future__ import annotations

import pytest

from tests.support import isas


def test_every_isa_of_this_machine_was_exercised(request: pytest.FixtureRequest) -> None:
    """A kernel set that no test runs must not go unnoticed."""
    module = "test_seed_networks.py"
    if not any(item.path.name == module for item in request.session.items):
        pytest.skip(f"{module} is not part of this run")
    assert isas.exercised == isas.expected()


def test_detection_agrees_with_the_operating_system() -> None:
    assert set(isas.supported()) == isas.expected()
