"""Images with few channels, which convolutions of floats read as they are given."""

from __future__ import annotations

from bnn_engine.graph import Value
from bnn_engine.lowering.channels import channels_of
from bnn_engine.lowering.emitter import Emitter

__all__ = ["planar_image"]

_MAX_CHANNELS = 4
"""A row of taps is one run of memory a channel instead of one in all: with few channels it costs
less to read more runs than to bring the image to channels-last form."""


def planar_image(value: Value, groups: int, emitter: Emitter) -> int | None:
    """``value`` as [N, C, H, W] or [N, C, D, H, W] if a convolution should read it so.

    First layers then add in ONNX Runtime's order, which decides signs of sums near 0.
    """
    channels, located = channels_of(value), emitter.located(value)
    if groups != 1 or channels is None or channels > _MAX_CHANNELS or value.rank not in (4, 5):
        return None
    return None if located.bits or located.form != "plain" else emitter.floats(value).id
