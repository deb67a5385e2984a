"""Seconds: of compilation, of a compiled program, and of a fixed piece of work to compare with."""

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp

from pinn.precision import arithmetic

PREFIX = "/jax/core/compile/"
SIZE, REPEATS = 768, 7
SECONDS, MOST = 0.5, 50


@contextmanager
def compilation() -> Generator[list[tuple[float, float]]]:
    """Give a list that grows by when each trace, lowering and compilation begins and ends.

    Traces nest: `covered` adds them up without counting a second twice.
    """
    spent: list[tuple[float, float]] = []

    def note(event: str, duration_secs: float, **details: str | int) -> None:
        if event.startswith(PREFIX):
            now = time.perf_counter()
            spent.append((now - duration_secs, now))

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        yield spent
    finally:
        jax.monitoring.unregister_event_duration_listener(note)


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """Return the length of the union of spans of time."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(end - max(begin, reached), 0.0)
        reached = max(reached, end)
    return total


def compiled(function: Callable, *arguments: Any) -> tuple[Callable, float]:
    """Return a compiled function, and the seconds to trace and compile it."""
    started = time.perf_counter()
    program = jax.jit(function).lower(*arguments).compile()
    return program, time.perf_counter() - started


def fastest(work: Callable[[], Any]) -> float:
    """Return the least seconds of repeated runs of a piece of work."""
    begun, least, count = time.perf_counter(), float("inf"), 0
    while count < 3 or (count < MOST and time.perf_counter() - begun < SECONDS):
        started = time.perf_counter()
        jax.block_until_ready(work())
        least, count = min(least, time.perf_counter() - started), count + 1
    return least


def matrix_product_seconds() -> float:
    """Return the seconds of a product of two 768 × 768 matrices in float64 on this device.

    It says how fast the machine was just then: seconds in units of it travel between machines
    better than seconds do.
    """
    with arithmetic("float64"):
        matrix = jnp.sin(jnp.arange(SIZE * SIZE, dtype=float)).reshape((SIZE, SIZE))
        program, _ = compiled(lambda a: a @ a, matrix)
        seconds = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            jax.block_until_ready(program(matrix))
            seconds.append(time.perf_counter() - started)
    return min(seconds)
