"""Rounding modes in standard ops."""

from __future__ import annotations

import numpy as np

from bnn_engine.passes.chain import Chain

__all__ = ["add_rounding"]

_SINGLE_OPS = {"CEIL": "Ceil", "FLOOR": "Floor", "ROUND": "Round"}


def add_rounding(chain: Chain, mode: str) -> None:
    """Round the value of ``chain`` by a mode of RoundToInteger, with its very float32 steps.

    Modes of magnitudes are sign(x) · f(|x|): DOWN floor(|x|), UP ceil(|x|), HALF_UP
    floor(|x| + 1/2), HALF_DOWN ceil(|x| - 1/2).
    """
    if mode in _SINGLE_OPS:
        chain.step(_SINGLE_OPS[mode])
        return
    x, half = chain.value, np.asarray(0.5, np.float32)
    sign = chain.step("Sign").value
    chain.value = x
    chain.step("Abs")
    if mode == "HALF_UP":
        chain.step("Add", half)
    elif mode == "HALF_DOWN":
        chain.step("Sub", half)
    chain.step("Floor" if mode in ("DOWN", "HALF_UP") else "Ceil").step("Mul", sign)
