"""Names of the parts of a staged network: exits, and where a supernet keeps weights.

A slot is one block of a stage, the modules of an exit, or a classifier.  Layers of
one type that can stand at one slot share weights, whatever their width, kernel or
expansion.  All modules of an exit are one slot, and its classifier is one, whatever
stands before it: branches are many and trainings short, so that weights of their own
for the k-th module, for a size or for what stands before learned less, measured on
mnist5k.  Must not import torch.
"""

from __future__ import annotations

FINAL = "final"
"""The last exit."""
STEM = "stem"
EXPAND = "final.expand"
CLASSIFIER = "final.classifier"


def block_slot(stage: str, index: int) -> str:
    """Return the slot of the block number ``index``, counted from 0, of a stage."""
    return f"{stage}.block{index + 1}"


def module_slot(stage: str) -> str:
    """Return the slot of the modules of the exit behind a stage."""
    return f"exit.{stage}.module"


def head_slot(stage: str) -> str:
    """Return the slot of the classifier of the exit behind a stage."""
    return f"exit.{stage}.classifier"
