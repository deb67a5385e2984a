"""Symplectic integrators of separable systems, as diffrax solvers.

A separable system has a position q and a velocity or momentum v with

    dq/dt = f(t, v),    dv/dt = g(t, q),

as every Hamiltonian T(p, t) + V(q, t) has. The solvers here are compositions of Störmer-Verlet
steps: explicit, symplectic and time-reversible, so that the error of the energy stays bounded
instead of growing with time. Terms and state are those of `diffrax.SemiImplicitEuler`: the terms
`(ODETerm(f), ODETerm(g))` and the state `(q, v)`, two pytrees of one structure. Forces that depend
on the velocity, and Hamiltonians that do not split, belong to `pinn.references.gauss_legendre`.
"""

from functools import partial
from itertools import accumulate, pairwise
from typing import ClassVar, final

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, PyTree

Time = Float[Array, ""] | float
Half = PyTree[Float[ArrayLike, "..."]]
State = tuple[Half, Half]
Terms = tuple[diffrax.AbstractTerm, diffrax.AbstractTerm]
Memory = tuple[Half, State]


def _symmetric(*outer: float) -> tuple[float, ...]:
    """Return the palindrome γ₁ … γₘ γ₀ γₘ … γ₁, with the γ₀ that makes the sum 1."""
    return (*outer, 1.0 - 2.0 * sum(outer), *reversed(outer))


def _substeps(coefficients: tuple[float, ...]) -> np.ndarray:
    """Return one row (kick, clock of v, drift, clock of q) per stage, in units of the step.

    The half kicks that end one Störmer-Verlet step and begin the next are merged. Each half of
    the state keeps the time that it has itself been moved to: both clocks are then part of the
    split system, and an explicit time in f or g costs no order.
    """
    kicks = [(a + b) / 2.0 for a, b in pairwise((0.0, *coefficients))]
    rows = zip(kicks, accumulate(kicks), coefficients, accumulate(coefficients), strict=True)
    return np.array(list(rows))


def _add_compensated(value: Half, increment: Half, lost: Half) -> tuple[Half, Half]:
    """Return `value + increment`, and what rounding took from it, to be added the next time.

    Kahan, W. (1965), Commun. ACM 8:40, doi 10.1145/363707.363723. Without it the 15 stages of
    the eighth order leave an energy error some 30 times larger after ten Kepler orbits.
    """
    whole = jax.tree.map(jnp.add, increment, lost)
    total = jax.tree.map(jnp.add, value, whole)
    lost = jax.tree.map(lambda new, old, step: step - (new - old), total, value, whole)
    return total, lost


def _compose(
    coefficients: tuple[float, ...],
    terms: Terms,
    t0: Time,
    t1: Time,
    state: State,
    memory: Memory,
    args: PyTree,
) -> tuple[State, Memory]:
    """Carry (q, v) through the Störmer-Verlet steps of lengths γᵢ h, with one force for each."""
    drift_term, kick_term = terms
    # Not the same where diffrax runs time backwards: it negates its clock, not the increments.
    length, span = jnp.asarray(t1 - t0), kick_term.contr(t0, t1)

    def stage(carry: tuple[State, Half, State], row: Array) -> tuple[tuple, None]:
        (q, v), force, (lost_q, lost_v) = carry
        kick, clock_of_v, drift, clock_of_q = row
        v, lost_v = _add_compensated(v, kick_term.prod(force, kick * span), lost_v)
        rate = drift_term.vf(t0 + clock_of_v * length, v, args)
        q, lost_q = _add_compensated(q, drift_term.prod(rate, drift * span), lost_q)
        force = kick_term.vf(t0 + clock_of_q * length, q, args)
        return ((q, v), force, (lost_q, lost_v)), None

    rows = jnp.asarray(_substeps(coefficients), dtype=length.dtype)
    ((q, v), force, (lost_q, lost_v)), _ = jax.lax.scan(stage, (state, *memory), rows)
    last_kick = kick_term.prod(force, coefficients[-1] / 2.0 * span)
    v, lost_v = _add_compensated(v, last_kick, lost_v)
    return (q, v), (force, (lost_q, lost_v))


def _end_slopes(
    terms: Terms, t: Time, span: Time, state: State, memory: Memory, args: PyTree
) -> State:
    """Return h (dq/dt, dv/dt); the step already has the force, so only the drift is evaluated."""
    drift_term, kick_term = terms
    drift = drift_term.prod(drift_term.vf(t, state[1], args), span)
    return drift, kick_term.prod(memory[0], span)


class AbstractComposition(diffrax.AbstractSolver):
    """A symmetric composition of Störmer-Verlet steps, Φ = S(γₛh) ∘ … ∘ S(γ₁h).

    A subclass names the coefficients γᵢ and the order that they reach. Each γᵢ costs one
    evaluation of g: the half kicks are merged inside a step, and the force at its end is handed
    to the next. Sums are compensated across steps, so that rounding does not limit the energy.

    Dense output, `SaveAt(ts=...)` between steps included, is the cubic Hermite polynomial of the
    step, with an error of order h⁴: step onto the times that must carry a higher order, for which
    `diffrax.StepTo` will do.

    diffrax raises `TermAndSolverIncompatible` where the terms are not two `ODETerm`s.
    """

    coefficients: eqx.AbstractClassVar[tuple[float, ...]]
    composition_order: eqx.AbstractClassVar[int]
    term_structure: ClassVar = (diffrax.ODETerm, diffrax.ODETerm)
    interpolation_cls: ClassVar = diffrax.ThirdOrderHermitePolynomialInterpolation

    def order(self, terms: PyTree) -> int:
        """Return the order of convergence."""
        del terms
        return self.composition_order

    def init(self, terms: Terms, t0: Time, t1: Time, y0: State, args: PyTree) -> Memory:
        """Return the force at the start, and a compensation of zero."""
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
        made_jump: Bool[Array, ""] | bool,
    ) -> tuple[State, None, dict[str, PyTree], Memory, diffrax.RESULTS]:
        """Advance (q, v) from `t0` to `t1`."""
        if made_jump is not False:
            restart = partial(self.init, terms, t0, t1, y0, args)
            solver_state = jax.lax.cond(made_jump, restart, lambda: solver_state)
        y1, memory = _compose(self.coefficients, terms, t0, t1, y0, solver_state, args)
        span = terms[1].contr(t0, t1)
        k0 = _end_slopes(terms, t0, span, y0, solver_state, args)
        k1 = _end_slopes(terms, t1, span, y1, memory, args)
        dense_info = {"y0": y0, "y1": y1, "k0": k0, "k1": k1}
        return y1, None, dense_info, memory, diffrax.RESULTS.successful

    def func(self, terms: Terms, t0: Time, y0: State, args: PyTree) -> State:
        """Return (dq/dt, dv/dt)."""
        q, v = y0
        return terms[0].vf(t0, v, args), terms[1].vf(t0, q, args)


@final
class StormerVerlet(AbstractComposition):
    """The Störmer-Verlet method in its velocity form, of order 2.

        v½ = v₀ + ½h g(t₀, q₀),    q₁ = q₀ + h f(t₀ + ½h, v½),    v₁ = v½ + ½h g(t₁, q₁)

    One force a step. Use it for long runs where a few digits are enough, and for rough forces.

    Source: Verlet, L. (1967), Phys. Rev. 159:98, doi 10.1103/PhysRev.159.98; Hairer, E.,
    Lubich, C. and Wanner, G. (2003), Acta Numerica 12:399, doi 10.1017/S0962492902000144.
    """

    coefficients: ClassVar = (1.0,)
    composition_order: ClassVar = 2


@final
class Yoshida4(AbstractComposition):
    """The triple jump S(γ₁h) S(γ₀h) S(γ₁h), of order 4, with γ₁ = 1/(2 − 2^(1/3)) = (1 − γ₀)/2.

    Three forces a step, one of them backwards in time. Use it where Störmer-Verlet is too coarse
    and steps are large.

    Source: Yoshida, H. (1990), Phys. Lett. A 150:262, doi 10.1016/0375-9601(90)90092-3; Hairer,
    Lubich and Wanner (2006), "Geometric Numerical Integration", eq. II.4.4,
    doi 10.1007/3-540-30666-8.
    """

    coefficients: ClassVar = _symmetric(1.0 / (2.0 - 2.0 ** (1.0 / 3.0)))
    composition_order: ClassVar = 4


@final
class Yoshida6(AbstractComposition):
    """The composition S(γ₁h) … S(γ₇h) of seven steps, of order 6.

    Seven forces a step. Use it for six to ten digits of a smooth system.

    Source: Yoshida, H. (1990), Phys. Lett. A 150:262, table 1, solution A,
    doi 10.1016/0375-9601(90)90092-3, with further digits from Hairer, Lubich
    and Wanner (2006), section V.3.2, doi 10.1007/3-540-30666-8.
    """

    coefficients: ClassVar = _symmetric(
        0.78451361047755726382, 0.23557321335935813368, -1.17767998417887100695
    )
    composition_order: ClassVar = 6


@final
class Yoshida8(AbstractComposition):
    """The composition S(γ₁h) … S(γ₁₅h) of fifteen steps, of order 8.

    Fifteen forces a step. Use it for reference solutions of smooth systems to round-off. The
    fifteen-step form is Yoshida's; the coefficients are the later ones of Suzuki and Umeno, none
    larger than 0.8 where Yoshida's reach 2, which makes the error constant far smaller.

    Source: Yoshida, H. (1990), Phys. Lett. A 150:262, doi 10.1016/0375-9601(90)90092-3; Suzuki, M.
    and Umeno, K. (1993), Springer Proc. Phys. 76:74, doi 10.1007/978-3-642-78448-4_7; digits as in
    Hairer, Lubich and Wanner (2006), section V.3.2, doi 10.1007/3-540-30666-8.
    """

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
