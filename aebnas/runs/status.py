"""How far a search is, as its run notes it: the fact ``status``.  Must not import torch."""

from __future__ import annotations

from enum import StrEnum


class RunStatus(StrEnum):
    """How far a search is."""

    RUNNING = "running"
    """Or killed."""
    INTERRUPTED = "interrupted"
    """By a person."""
    STOPPED = "stopped"
    """By an error: the fact ``stopped_by`` says which."""
    FINISHED = "finished"
