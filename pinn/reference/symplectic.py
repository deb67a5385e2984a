"""Symplectic integrators for separable systems, as diffrax solvers.

A separable system has a position q and a velocity (or momentum) v with

    dq/dt = f(t, v),    dv/dt = g(t, q),

as every Hamiltonian H = T(p) + V(q, t) does. The solvers here compose Störmer-Verlet steps, so
they are explicit, symplectic and time-reversible, and their energy error stays bounded instead
of growing with time. Terms and state are those of `diffrax.SemiImplicitEuler`: the terms are
`(ODETerm(f), ODETerm(g))` and the state is `(q, v)`. Forces that depend on the velocity, and
Hamiltonians that do not split, belong to `pinn.reference.gauss_legendre`.
"""

from itertools import accumulate, pairwise
from typing import ClassVar, final

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, PyTree, Real

Time = Real[ArrayLike, ""]
Leaves = PyTree[Float[ArrayLike, "..."]]
State = tuple[Leaves, Leaves]
Terms = tuple[diffrax.AbstractTerm, diffrax.AbstractTerm]
Memory = tuple[Leaves, State]
UNROLL = 1


def _symmetric(*half: float) -> tuple[float, ...]:
    """Return the palindrome γ₁ … γₘ … γ₁ whose middle coefficient makes the sum 1."""
    return (*half, 1.0 - 2.0 * sum(half), *reversed(half))


def _add_compensated(value: Leaves, increment: Leaves, lost: Leaves) -> tuple[Leaves, Leaves]:
    """Return `value + increment` and what rounding lost of it, to be added the next time."""
    whole = jax.tree.map(jnp.add, increment, lost)
    total = jax.tree.map(jnp.add, value, whole)
    lost = jax.tree.map(lambda new, old, step: step - (new - old), total, value, whole)
    return total, lost


def _push(
    term: diffrax.AbstractTerm, rate: Leaves, span: Array, value: Leaves, lost: Leaves
) -> tuple[Leaves, Leaves]:
    """Add `span · rate` to one half of the state."""
    return _add_compensated(value, term.prod(rate, span), lost)


def _substeps(coefficients: tuple[float, ...]) -> np.ndarray:
    """Return one row (kick, clock of v, drift, clock of q) per stage, in units of the step.

    The half kicks that end one Störmer-Verlet step and begin the next are merged. Each half of
    the state keeps the time it has itself been moved to: both clocks are then part of the split
    system, and an explicit time in f or g costs no order.
    """
    kicks = [(a + b) / 2.0 for a, b in pairwise((0.0, *coefficients))]
    rows = zip(kicks, accumulate(kicks), coefficients, accumulate(coefficients), strict=True)
    return np.array(list(rows))


def _compose(
    coefficients: tuple[float, ...],
    terms: Terms,
    t0: Array,
    length: Array,
    state: State,
    memory: Memory,
    args: PyTree,
) -> tuple[State, Memory]:
    """Carry (q, v) through the Störmer-Verlet steps of lengths γᵢ h, one force for each."""
    drift_term, kick_term = terms

    def stage(carry, row):
        (q, v), force, (lost_q, lost_v) = carry
        kick, clock_of_v, drift, clock_of_q = row * length
        v, lost_v = _push(kick_term, force, kick, v, lost_v)
        rate = drift_term.vf(t0 + clock_of_v, v, args)
        q, lost_q = _push(drift_term, rate, drift, q, lost_q)
        force = kick_term.vf(t0 + clock_of_q, q, args)
        return ((q, v), force, (lost_q, lost_v)), None

    rows = jnp.asarray(_substeps(coefficients), dtype=length.dtype)
    ((q, v), force, (lost_q, lost_v)), _ = jax.lax.scan(stage, (state, *memory), rows, unroll=UNROLL)
    v, lost_v = _push(kick_term, force, coefficients[-1] / 2.0 * length, v, lost_v)
    return (q, v), (force, (lost_q, lost_v))


class AbstractComposition(diffrax.AbstractSolver):
    """X"""

    term_structure: ClassVar = (diffrax.ODETerm, diffrax.ODETerm)
    interpolation_cls: ClassVar = diffrax.ThirdOrderHermitePolynomialInterpolation
    coefficients: eqx.AbstractClassVar[tuple[float, ...]]
    composition_order: eqx.AbstractClassVar[int]

    def order(self, terms: PyTree) -> int:
        """Return the order of convergence."""
        del terms
        return self.composition_order

    def init(self, terms: Terms, t0: Time, t1: Time, y0: State, args: PyTree) -> Memory:
        """Return the force at the start and a compensation of zero."""
        del t1
        return terms[1].vf(t0, y0[0], args), jax.tree.map(jnp.zeros_like, y0)

    def step(
        self,
        terms: Terms,
        t0: Time,
        t1: Time,
        y0: State,
        args: PyTree,
        solver_state: Memory,
        made_jump: Bool[ArrayLike, ""],
    ) -> tuple[State, None, dict[str, PyTree], Memory, diffrax.RESULTS]:
        """Advance (q, v) from `t0` to `t1`."""
        if made_jump is not False:
            solver_state = jax.lax.cond(
                made_jump, lambda: self.init(terms, t0, t1, y0, args), lambda: solver_state
            )
        length = terms[1].contr(t0, t1)
        y1, memory = _compose(self.coefficients, terms, t0, length, y0, solver_state, args)
        k0 = _rates(terms, t0, length, y0, solver_state, args)
        k1 = _rates(terms, t1, length, y1, memory, args)
        return y1, None, dict(y0=y0, y1=y1, k0=k0, k1=k1), memory, diffrax.RESULTS.successful

    def func(self, terms: Terms, t0: Time, y0: State, args: PyTree) -> State:
        """Return (dq/dt, dv/dt)."""
        q, v = y0
        return terms[0].vf(t0, v, args), terms[1].vf(t0, q, args)


def _rates(terms: Terms, t: Time, length: Array, state: State, memory: Memory, args: PyTree) -> State:
    """Return the step times (dq/dt, dv/dt), the end slopes of the dense output."""
    drift_term, kick_term = terms
    return (
        drift_term.prod(drift_term.vf(t, state[1], args), length),
        kick_term.prod(memory[0], length),
    )


@final
class StormerVerlet(AbstractComposition):
    coefficients: ClassVar = (1.0,)
    composition_order: ClassVar = 2


@final
class Yoshida4(AbstractComposition):
    coefficients: ClassVar = _symmetric(1.0 / (2.0 - 2.0 ** (1.0 / 3.0)))
    composition_order: ClassVar = 4


@final
class Yoshida6(AbstractComposition):
    coefficients: ClassVar = _symmetric(0.78451361047755726, 0.23557321335935813, -1.17767998417887101)
    composition_order: ClassVar = 6


@final
class Yoshida8(AbstractComposition):
    coefficients: ClassVar = _symmetric(
        0.74167036435061295345,
        -0.40910082580003159400,
        0.19075471029623837995,
        -0.57386247111608226666,
        0.29906418130365592384,
        0.33462491824529818378,
        0.31529309239676659663,
    )
    composition_order: ClassVar = 8
