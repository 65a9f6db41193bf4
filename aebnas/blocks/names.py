"""Names of weights that several blocks share.  Must not import torch."""

from __future__ import annotations

from aebnas.blocks.block import LayerShape


def gate_names(layer: LayerShape) -> list[str]:
    """Return the names of a gate's convolutions, if the layer has squeeze-and-excitation."""
    return ["se.reduce", "se.expand"] if layer.spec.se else []


def last_norm_name(layer: LayerShape) -> str:
    """Return the name of the norm before an addition, which begins at zero, or before none."""
    return "project.norm_in_skip" if layer.keeps_shape else "project.norm"


def hidden_channels(layer: LayerShape) -> int:
    """Return the channels inside an inverted bottleneck."""
    return round(layer.in_channels * layer.spec.expansion)
