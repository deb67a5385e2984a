"""Which way to differentiate a small network fastest: nested forward mode, lifted, or Taylor mode.

Run `uv run python benchmarks/jets.py`. For each order it prints compile and run time of u, u′, …,
u⁽ⁿ⁾ at 1,024 points of a tanh network, and of the gradient of their squares. `pinn.jets.prolong`
uses the lifted form.
"""

import time

import jax
import jax.numpy as jnp
from jax.experimental import jet

jax.config.update("jax_enable_x64", True)
WIDTH, POINTS, ORDERS, REPEATS = 32, 1024, (1, 2, 3, 4), 50


def network(parameters, t):
    """Evaluate a tanh network with two hidden layers."""
    first, second, last = parameters
    return jnp.tanh(jnp.tanh(t * first[0] + first[1]) @ second) @ last


def nested(function, t, order):
    """Differentiate the derivative again and again."""
    values = [function]
    for _ in range(order):
        below = values[-1]
        values.append(lambda t, below=below: jax.jvp(below, (t,), (jnp.ones_like(t),))[1])
    return [value(t) for value in values]


def lifted(function, t, order):
    """Carry every lower derivative along, as `pinn.jets.prolong` does."""

    def lift(lower):
        def raised(t):
            values, rates = jax.jvp(lower, (t,), (jnp.ones_like(t),))
            return (*values, rates[-1])

        return raised

    tower = lambda t: (function(t),)  # noqa: E731
    for _ in range(order):
        tower = lift(tower)
    return list(tower(t))


def taylor(function, t, order):
    """Use JAX's own Taylor mode."""
    series = (jnp.ones_like(t),) + (jnp.zeros_like(t),) * (order - 1)
    value, derivatives = jet.jet(function, (t,), (series,))
    return [value, *derivatives]


def measure(function, *arguments) -> tuple[float, float]:
    """Return seconds to compile, and the least milliseconds to run."""
    started = time.perf_counter()
    jax.block_until_ready(function(*arguments))
    compiling, least = time.perf_counter() - started, float("inf")
    for _ in range(REPEATS):
        started = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        least = min(least, time.perf_counter() - started)
    return compiling, 1e3 * least


def main() -> None:
    """Print the table."""
    keys = jax.random.split(jax.random.key(0), 3)
    shapes = ((2, WIDTH), (WIDTH, WIDTH), (WIDTH, 2))
    parameters = tuple(jax.random.normal(k, s) for k, s in zip(keys, shapes, strict=True))
    points = jnp.linspace(-1.0, 1.0, POINTS)
    print("order  way      compile s  run ms  gradient: compile s  run ms")
    for order in ORDERS:
        for way in (nested, lifted, taylor):

            def values(parameters, way=way, order=order):
                at = lambda t: jnp.stack(way(lambda s: network(parameters, s), t, order))  # noqa: E731
                return jax.vmap(at)(points)

            forward = measure(jax.jit(values), parameters)
            loss = lambda parameters, values=values: jnp.sum(values(parameters) ** 2)  # noqa: E731
            backward = measure(jax.jit(jax.grad(loss)), parameters)
            print(
                f"{order:5d}  {way.__name__:8s}{forward[0]:9.2f}{forward[1]:9.3f}"
                f"{backward[0]:18.2f}{backward[1]:9.3f}"
            )


if __name__ == "__main__":
    main()
