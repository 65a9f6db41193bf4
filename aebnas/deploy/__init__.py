"""On the device: export a trained network, run it, measure it.

``EarlyExitSession`` needs numpy, Pillow, pydantic and onnxruntime; torch is imported by exporting alone.
"""

from aebnas.deploy.session import EarlyExitSession, Prediction

__all__ = ["EarlyExitSession", "Prediction"]
