"""SIGTERM keeps what Ctrl-C keeps, and leaves the process as it was."""

import signal
import threading

import pytest

import pinn
from pinn.interruption import terminable

BRIEF = pinn.Recipe(network=pinn.Network(width=4), windows=pinn.Uniform(4), points=8, steps=3)


def test_sigterm_in_training_keeps_the_windows_that_are_trained():
    def terminate(march) -> None:
        if len(march.windows) == 2:
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.warns(UserWarning, match=r"interrupted at t = 0\.25 of 0\.5"):
        part = pinn.solve(
            pinn.get("pendulum", end=0.5), recipe=BRIEF, progress=False, observe=terminate
        )
    assert part.model.count == 2 and not part.complete
    assert signal.getsignal(signal.SIGTERM) is before
    assert pinn.resume(part, progress=False).complete


def test_a_handler_of_the_users_own_stays():
    seen = []
    previous = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        with terminable():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert seen == [signal.SIGTERM]


def test_other_threads_leave_signals_alone():
    failed = []

    def run() -> None:
        try:
            with terminable():
                pass
        except ValueError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not failed
