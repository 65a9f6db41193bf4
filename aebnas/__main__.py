"""Run the command line as ``python -m aebnas``."""

from aebnas.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
