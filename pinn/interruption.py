"""A request to end, such as a scheduler's, treated like Ctrl-C: what is trained is kept."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def terminable() -> Generator[None]:
    """Raise KeyboardInterrupt inside the block where the process is sent SIGTERM.

    Only in the main thread, which alone may receive signals, and only where nobody else has said
    what SIGTERM should do; what was there before is put back.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
