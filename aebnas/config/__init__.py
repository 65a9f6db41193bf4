"""Configuration: YAML to frozen, validated models; every error has its file and line."""

from aebnas.config.resolved import ABSENT, Difference, config_differences, resolved
from aebnas.config.schema import SearchFile
from aebnas.config.source import load, parse
from aebnas.config.starter import starter_file

__all__ = [
    "ABSENT",
    "Difference",
    "SearchFile",
    "config_differences",
    "load",
    "parse",
    "resolved",
    "starter_file",
]
