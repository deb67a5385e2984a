"""The discrete motion of a problem with a Lagrangian, and its exact discrete momenta."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from pinn.errors import ProblemError
from pinn.jets import Jet
from pinn.noether.generator import Generator
from pinn.noether.verify import verified_charges
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.references.variational import Lagrangian, Variational, hamiltonian_term

Unpack = Callable[[Array], dict[str, Array]]


@dataclass(frozen=True)
class DiscretePath:
    """A stationary path of a discrete action.

    Args:
        t: the times.
        positions: each field at the times.
        momenta: each field's discrete momentum, ∂L_d/∂q, at the times.
        charges: p·η(q) at the times for each symmetry that moves positions alone, which discrete
            Noether's theorem keeps.
    """

    t: Float[np.ndarray, " times"]
    positions: Mapping[str, Float[np.ndarray, "times ..."]]
    momenta: Mapping[str, Float[np.ndarray, "times ..."]]
    charges: Mapping[str, Float[np.ndarray, "times ..."]]


def discrete_path(problem: Problem, steps: int, degree: int = 1) -> DiscretePath:
    """Return a problem's motion by `Variational`, over its interval in equal steps.

    Args:
        problem: over time alone, with a Lagrangian of first order and without friction or force.
        steps: how many.
        degree: s of the polynomial in each step, of order 2s.

    Raises:
        ProblemError: the problem has no such Lagrangian, or a step has no solution.
    """
    _check(problem, steps, degree)
    interval = problem.interval
    with arithmetic("float64"):
        q, v, unpack = _start(problem)
        lagrangian = _lagrangian(problem, unpack)
        p = jax.grad(lagrangian, argnums=2)(jnp.asarray(interval.lower), q, v)
        found = diffrax.diffeqsolve(
            hamiltonian_term(lagrangian),
            Variational(lagrangian, degree),
            interval.lower,
            interval.upper,
            interval.length / steps,
            (q, p),
            saveat=diffrax.SaveAt(t0=True, steps=True),
            max_steps=steps + 8,
            throw=False,
        )
        times = np.asarray(found.ts)
        kept = np.isfinite(times)
        if found.result != diffrax.RESULTS.successful:
            raise ProblemError(
                f"The discrete path stops at {problem.time} = {times[kept][-1]:.6g}, where a step "
                "has no solution near the last one: take more steps."
            )
        states = [jnp.asarray(np.asarray(half)[kept]) for half in found.ys]
        charges = _charges(problem, unpack, jnp.asarray(times[kept]), *states)
        positions, momenta = (jax.vmap(unpack)(half) for half in states)
    as_numbers = lambda tree: {name: np.asarray(value) for name, value in tree.items()}  # noqa: E731
    return DiscretePath(times[kept], *map(as_numbers, (positions, momenta, charges)))


def _start(problem: Problem) -> tuple[Array, Array, Unpack]:
    """Return the initial positions and velocities as vectors, and the way back to fields."""
    dynamics, state = problem.dynamics, problem.initial_state
    halves = [
        {f: jnp.asarray(state[dynamics.entry(f, k)], float) for f in problem.fields} for k in (0, 1)
    ]
    q, unpack = ravel_pytree(halves[0])
    return q, ravel_pytree(halves[1])[0], unpack


def _lagrangian(problem: Problem, unpack: Unpack) -> Lagrangian:
    density, dynamics = problem.action_density, problem.dynamics
    assert density is not None

    def lagrangian(t: Array, q: Array, v: Array) -> Array:
        speeds = {dynamics.entry(f, 1): value for f, value in unpack(v).items()}
        jet = {problem.time: t, **unpack(q), **speeds}
        return density(Jet(problem.space, {n: jet[n] for n in density.needs}))

    return lagrangian


def _charges(
    problem: Problem, unpack: Unpack, t: Array, q: Array, p: Array
) -> dict[str, Float[Array, "times ..."]]:
    found = {}
    for name, charge in verified_charges(problem).items():
        generator = charge.generator
        if generator is None or not charge.conserved:
            continue
        if _moves_positions_alone(problem, generator):
            found[name] = jax.vmap(partial(_momentum, problem, unpack, generator))(t, q, p)
    return found


def _momentum(
    problem: Problem, unpack: Unpack, generator: Generator, t: Array, q: Array, p: Array
) -> Array:
    """Return p·η(q)."""
    jet, momenta = Jet(problem.space, {problem.time: t, **unpack(q)}), unpack(p)
    moved = {f: generator.characteristic(f)(jet) for f in generator.eta}
    terms = [jnp.tensordot(moved[f], momenta[f], axes=momenta[f].ndim) for f in moved]
    return jnp.sum(jnp.stack(terms), axis=0)


def _moves_positions_alone(problem: Problem, generator: Generator) -> bool:
    """Tell whether η is a function of positions, with no gauge term and no motion of time."""
    needs = {n for function in generator.eta.values() for n in function.needs}
    return not generator.xi and not generator.gauge and needs <= {*problem.fields}


def _check(problem: Problem, steps: int, degree: int) -> None:
    if steps < 1 or degree < 1:
        raise ProblemError(
            f"A discrete path needs steps ≥ 1 and degree ≥ 1, got {steps} and {degree}."
        )
    if problem.stationary or problem.extent or problem.action_density is None:
        raise ProblemError(
            f"The problem {problem.name!r} has no Lagrangian over time alone, which a discrete "
            "action is made of: take another of pinn.references."
        )
    orders = {f: n for f, n in problem.dynamics.orders.items() if n != 2}
    if orders or problem.dynamics.forces:
        raise ProblemError(
            f"A discrete action needs an equation of second order without friction or force, got "
            f"{'forces' if problem.dynamics.forces else f'orders {orders}'} in {problem.name!r}: "
            "take GaussLegendre or an adaptive reference."
        )
