"""Seconds: of compilation, of a compiled program, and of a fixed piece of work to compare with."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp

from pinn.precision import arithmetic

PREFIX = "/jax/core/compile/"
STAGES = ("jaxpr_to_mlir_module_duration", "backend_compile_duration")
SIZE, REPEATS = 768, 7
SECONDS, MOST = 0.5, 50


@contextmanager
def compilation() -> Generator[list[float]]:
    """Give a list that grows by the seconds of everything that JAX lowers and compiles inside.

    Tracing is not among them, for nested traces would count twice.
    """
    spent: list[float] = []
    wanted = {PREFIX + stage for stage in STAGES}

    def note(event: str, seconds: float, **details: Any) -> None:
        if event in wanted:
            spent.append(seconds)

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        yield spent
    finally:
        jax.monitoring.unregister_event_duration_listener(note)


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
