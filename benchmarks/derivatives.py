"""What the derivatives in an equation cost, against as many plain evaluations of the network.

Run `uv run python benchmarks/derivatives.py`. For six equations it times the residual at 2,048
points of a tanh network, in float64 and on one thread, and the rows with their Jacobian. One
forward pass times the number of vectors that must be propagated (the value, and each derivative up
to the highest along each coordinate) is the roofline; a ratio below one means that derivatives are
cheaper than the values, since they need no tanh of their own. It writes
`results/derivatives.jsonl`, one line a row, and `results/derivatives.md`.
"""

import itertools
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import jaxlib
from jax.flatten_util import ravel_pytree

from pinn.jets import JetSpace, on_jets, prolong

jax.config.update("jax_enable_x64", True)
RESULTS = Path(__file__).parent / "results"
POINTS, WIDTHS, DEPTHS, SECONDS, LEAST = 2048, (16, 32, 64), (2, 4), 0.3, 10


@dataclass(frozen=True)
class Equation:
    """A residual, its coordinates, and the vectors that it must propagate."""

    name: str
    coordinates: str
    vectors: int
    residual: Callable


EQUATIONS = (
    Equation("advection", "tx", 2, lambda j: j.u_t + j.u_x),
    Equation("Burgers", "tx", 4, lambda j: j.u_t + j.u * j.u_x - 0.01 * j.u_xx),
    Equation("KdV", "tx", 5, lambda j: j.u_t + j.u * j.u_x + 0.0005 * j.u_xxx),
    Equation("Kuramoto–Sivashinsky", "tx", 6, lambda j: j.u_t + j.u * j.u_x + j.u_xx + j.u_xxxx),
    Equation("wave", "tx", 4, lambda j: j.u_tt - j.u_xx),
    Equation("Poisson 2-D", "xy", 4, lambda j: j.u_xx + j.u_yy),
)


def initialised(width: int, depth: int) -> list[tuple[jax.Array, jax.Array]]:
    """Return the weights and biases of a network of two inputs and one output."""
    sizes = [2, *[width] * depth, 1]
    keys = jax.random.split(jax.random.key(0), depth + 1)
    return [
        (jax.random.normal(key, (size, following)) / size**0.5, jnp.full((following,), 0.1))
        for key, size, following in zip(keys, sizes, sizes[1:], strict=False)
    ]


def network(parameters, *point):
    """Evaluate a tanh network at one point."""
    x, (*hidden, (weight, bias)) = jnp.stack(point), parameters
    for w, b in hidden:
        x = jnp.tanh(x @ w + b)
    return {"u": (x @ weight + bias)[0]}


def compiled(function: Callable, *arguments) -> tuple[Callable, float]:
    """Return a compiled function and the seconds to trace and compile it."""
    started = time.perf_counter()
    program = jax.jit(function).lower(*arguments).compile()
    return program, time.perf_counter() - started


def fastest(functions: list[Callable], *arguments) -> list[float]:
    """Return the least seconds of each, run in turn so that all meet the same machine."""
    least = [float("inf")] * len(functions)
    started, rounds = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS or rounds < LEAST:
        for index, function in enumerate(functions):
            begun = time.perf_counter()
            jax.block_until_ready(function(*arguments))
            least[index] = min(least[index], time.perf_counter() - begun)
        rounds += 1
    return least


def programs(equation: Equation, unravel: Callable) -> tuple[Callable, Callable, Callable]:
    """Return the forward pass, the residual, and the rows with their Jacobian, over points."""
    space = JetSpace.of(tuple(equation.coordinates), {"u": ()})
    residual = on_jets(space, equation.residual)

    def row(flat, *point):
        fields = lambda *at: network(unravel(flat), *at)  # noqa: E731
        return residual(prolong(fields, space, residual.needs)(*point))

    value = lambda flat, *point: network(unravel(flat), *point)["u"]  # noqa: E731
    over = lambda f: jax.vmap(f, (None, 0, 0))  # noqa: E731
    return over(value), over(row), over(jax.value_and_grad(row))


def measured(equation: Equation, width: int, depth: int) -> dict:
    """Return one row of the table."""
    flat, unravel = ravel_pytree(initialised(width, depth))
    points = [jax.random.uniform(key, (POINTS,)) for key in jax.random.split(jax.random.key(1))]
    ready = [compiled(f, flat, *points) for f in programs(equation, unravel)]
    forward, residual = fastest([program for program, _ in ready[:2]], flat, *points)
    (jacobian,) = fastest([ready[2][0]], flat, *points)
    return {
        "equation": equation.name,
        "width": width,
        "depth": depth,
        "points": POINTS,
        "parameters": flat.size,
        "vectors": equation.vectors,
        "rows_per_second": POINTS / residual,
        "roofline_ratio": residual / (equation.vectors * forward),
        "jacobian_over_residual": jacobian / residual,
        "compile_seconds": ready[1][1],
        "jacobian_compile_seconds": ready[2][1],
        "dtype": str(flat.dtype),
        "device": f"{jax.devices()[0].device_kind}, {platform.machine()}, 1 thread",
        "versions": {"jax": jax.__version__, "jaxlib": jaxlib.__version__},
    }


def table(rows: list[dict]) -> str:
    """Return the rows as Markdown."""
    head = (
        "| equation | width | depth | vectors | rows/s | roofline ratio | Jacobian / residual "
        "| compile s | dtype | device | versions |\n|---|--:|--:|--:|--:|--:|--:|--:|---|---|---|\n"
    )
    lines = (
        f"| {r['equation']} | {r['width']} | {r['depth']} | {r['vectors']} "
        f"| {r['rows_per_second']:.2e} | {r['roofline_ratio']:.2f} "
        f"| {r['jacobian_over_residual']:.1f} | {r['compile_seconds']:.2f} | {r['dtype']} "
        f"| {r['device']} | jax {r['versions']['jax']}, jaxlib {r['versions']['jaxlib']} |\n"
        for r in rows
    )
    return head + "".join(lines)


def write(rows: list[dict]) -> None:
    """Write both files."""
    RESULTS.mkdir(exist_ok=True)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (RESULTS / "derivatives.jsonl").write_text(lines)
    (RESULTS / "derivatives.md").write_text(table(rows))


def main() -> None:
    """Measure every equation at every size, and write after each row."""
    rows = []
    for depth, width, equation in itertools.product(DEPTHS, WIDTHS, EQUATIONS):
        rows.append(measured(equation, width, depth))
        print(table(rows[-1:]).splitlines()[-1], flush=True)
        write(rows)


if __name__ == "__main__":
    main()
