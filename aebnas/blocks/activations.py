"""Activations by the name that files use, and torch's name of them.  Must not import torch."""

from __future__ import annotations

ACTIVATIONS: dict[str, str] = {"relu": "ReLU", "relu6": "ReLU6", "hswish": "Hardswish", "silu": "SiLU"}
"""Classes of ``torch.nn``; each works in place."""
