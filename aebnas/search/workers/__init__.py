"""Pools of workers: in this process, or Ray actors."""
