"""Ctrl-C and SIGTERM in this process."""

import signal
from collections.abc import Iterator

import pytest

from aebnas.cli.interrupts import SIGNALS, Interrupts


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    """Give the signals back to pytest, whatever a test left."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_interrupts_and_the_second_only_asks_for_patience(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    with Interrupts():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)
    assert "Once more ends at once" in capfd.readouterr().err


def test_after_an_interruption_the_end_of_the_process_is_quiet_too() -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts():
        signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)


def test_without_a_signal_the_handlers_are_given_back() -> None:
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) != signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler


def test_a_handler_that_a_library_put_over_ours_is_replaced_again() -> None:
    with Interrupts() as interrupts:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        interrupts.renew()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_what_a_shell_ignores_for_background_jobs_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupts():
        signal.raise_signal(signal.SIGINT)
