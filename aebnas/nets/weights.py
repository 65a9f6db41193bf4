"""Weights of a network as bytes, for files and for the way from workers."""

from __future__ import annotations

import io

import torch
from torch import nn


def weight_bytes(network: nn.Module) -> bytes:
    """Return the state dict as ``torch.save`` writes it, on the CPU; load with ``weights_only=True``."""
    buffer = io.BytesIO()
    torch.save({name: value.cpu() for name, value in network.state_dict().items()}, buffer)
    return buffer.getvalue()


def load_weight_bytes(network: nn.Module, weights: bytes) -> None:
    """Put weights that ``weight_bytes`` wrote into a network of the same architecture, on its device."""
    network.load_state_dict(torch.load(io.BytesIO(weights), map_location="cpu", weights_only=True))
