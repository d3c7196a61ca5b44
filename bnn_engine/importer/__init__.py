"""From an ONNX source to a checked graph at opset 21 or later."""

from bnn_engine.importer.model import import_model

__all__ = ["import_model"]
