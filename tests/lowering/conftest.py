from __future__ import annotations

from tests.support.isas import isa

__all__ = ["isa"]
