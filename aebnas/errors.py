"""The errors that a user of AEBNAS can meet.

Every message says what is wrong, where, the nearest valid value and the command
that cures it.  The command line prints the message alone and exits with
``exit_code``; a traceback means a defect in AEBNAS.
"""


class AebnasError(Exception):
    """Base of every error that AEBNAS raises on purpose."""

    exit_code = 1


class ConfigError(AebnasError):
    """A search-space file or an override is wrong."""

    exit_code = 2


class CodeError(ConfigError):
    """Code that a file names as ``package.module:Name`` is missing, or breaks a law, or raised an error."""


class CodeRefusedError(CodeError):
    """Code that a file names was not run, because nobody allowed it."""


class NetworkError(AebnasError):
    """A network that a user brought, or its weights, cannot be used as it is."""

    exit_code = 2


class DataError(AebnasError):
    """Data are missing, truncated, unreadable or inconsistent."""

    exit_code = 3


class ShapeError(AebnasError):
    """Two arrays that belong together differ in shape."""


class RunError(AebnasError):
    """A run directory is missing, in use, incompatible or cannot be continued."""

    exit_code = 4


class WorkerError(AebnasError):
    """Workers could not be started or every candidate failed."""

    exit_code = 5


class HardwareError(AebnasError):
    """A device, or what a profile knows of it, does not answer the question."""

    exit_code = 6


class TrainingError(AebnasError):
    """One candidate could not be trained; recorded with its reason, the search goes on."""


class DivergedError(TrainingError):
    """A supernet's loss grew out of bounds: so it will with the same settings."""
