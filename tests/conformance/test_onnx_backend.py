"""ONNX's own backend tests, each on the answers it brings along."""

from __future__ import annotations

import pytest

from tests.conformance.onnx_backend import KINDS, Outcome, cases, counts, published, run_case


@pytest.fixture(scope="module", params=KINDS)
def outcomes(request: pytest.FixtureRequest) -> list[Outcome]:
    return [run_case(case) for case in cases(request.param)]


def test_none_is_answered_wrongly(outcomes: list[Outcome]) -> None:
    assert [outcome for outcome in outcomes if outcome.status == "wrong"] == []


def test_at_least_the_published_numbers_pass(outcomes: list[Outcome]) -> None:
    ((kind, found),) = counts(outcomes).items()
    promised = published()[kind]
    if found.total() != promised.total():
        pytest.skip(f"{promised.total()} tests are published, this onnx has {found.total()}")
    assert found["native"] >= promised["native"]
    assert found["native"] + found["python"] >= promised["native"] + promised["python"]
