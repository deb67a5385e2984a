"""Variational integrators: a discrete Lagrangian with exact discrete momenta."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree
from numpy.polynomial import Chebyshev, chebyshev, legendre

Point = Float[Array, " n"]
State = tuple[Point, Point]
Lagrangian = Callable[[Float[Array, ""], Point, Point], Float[Array, ""]]
ITERATIONS = 30


class _Rule(NamedTuple):
    """A polynomial through control points, and its values at the nodes of a quadrature."""

    nodes: np.ndarray
    weights: np.ndarray
    values: np.ndarray
    slopes: np.ndarray


class Variational(diffrax.AbstractSolver):
    """The integrator that makes the discrete action stationary, for any regular L(t, q, v).

    In each step q is a polynomial of a degree s through q₀ … qₛ, and the action is a Gauss
    quadrature with s nodes,

        L_d(q₀, qₛ) = ext_{q₁ … qₛ₋₁} h Σ_k w_k L(t₀ + c_k h, q(c_k), q̇(c_k)),

    and the step solves p₀ = −∂L_d/∂q₀ for qₛ and sets p₁ = ∂L_d/∂qₛ, the discrete momenta. The map
    is symplectic, of order 2s, and where L_d is invariant under a group, as L is under one that
    moves positions by an affine map, discrete Noether's theorem keeps the momentum p·η(q) exactly,
    to the round-off of the solve, whatever the step. Degree 1 is the implicit midpoint rule.

    Terms are an `ODETerm` of Hamilton's equations, `hamiltonian_term(lagrangian)`; state is (q, p).

    Source: Marsden & West (2001), Acta Numerica 10:357, doi:10.1017/S096249290100006X, sections 1.3
    and 2.2; the order: Ober-Blöbaum (2017), IMA J. Numer. Anal. 37:375, doi:10.1093/imanum/drv062.

    Args:
        lagrangian: L, from time, position and velocity, the last two vectors.
        degree: s.
    """

    lagrangian: Lagrangian
    degree: int = 1
    term_structure: ClassVar = diffrax.ODETerm
    interpolation_cls: ClassVar = diffrax.LocalLinearInterpolation

    def order(self, terms: PyTree) -> int:
        """Return the order of convergence."""
        del terms
        return 2 * self.degree

    def init(self, terms: Any, t0: Any, t1: Any, y0: State, args: PyTree) -> None:
        """Keep nothing between steps."""

    def func(self, terms: Any, t0: Any, y0: State, args: PyTree) -> State:
        """Return (dq/dt, dp/dt)."""
        return terms.vf(t0, y0, args)

    def step(
        self,
        terms: Any,
        t0: Any,
        t1: Any,
        y0: State,
        args: PyTree,
        solver_state: None,
        made_jump: Bool[Array, ""] | bool,
    ) -> tuple[State, None, dict[str, PyTree], None, diffrax.RESULTS]:
        """Advance (q, p) from `t0` to `t1`."""
        del args, solver_state, made_jump
        (q, p), h, s = y0, terms.contr(t0, t1), self.degree
        shape = (s, *q.shape)

        def action(points: Array) -> Array:
            return self._action(t0, h, points)

        def stationary(flat: Array) -> Array:
            slope = jax.grad(action)(jnp.concatenate([q[None], flat.reshape(shape)]))
            return jnp.concatenate([(p + slope[0])[None], slope[1:-1]]).ravel()

        shares = jnp.asarray(_control(s)[1:], q.dtype)
        guess = q[None] + jnp.multiply.outer(h * shares, terms.vf(t0, y0, None)[0])
        flat, solved = _newton(stationary, guess.ravel())
        points = jnp.concatenate([q[None], flat.reshape(shape)])
        y1 = points[-1], jax.grad(action)(points)[-1]
        result = diffrax.RESULTS.where(
            solved, diffrax.RESULTS.successful, diffrax.RESULTS.nonlinear_divergence
        )
        return y1, None, {"y0": y0, "y1": y1}, None, result

    def _action(self, t0: Any, h: Any, points: Float[Array, "control n"]) -> Float[Array, ""]:
        rule = _rule(self.degree)
        values, slopes = (jnp.asarray(a, points.dtype) for a in (rule.values, rule.slopes))
        times = t0 + h * jnp.asarray(rule.nodes, points.dtype)
        found = jax.vmap(self.lagrangian)(times, values @ points, slopes @ points / h)
        return h * jnp.asarray(rule.weights, points.dtype) @ found


def hamiltonian_term(lagrangian: Lagrangian) -> diffrax.ODETerm:
    """Return Hamilton's equations of a Lagrangian: q̇ = v with ∂L/∂v = p, ṗ = ∂L/∂q."""

    def rate(t: Any, state: State, args: Any) -> State:
        q, p = state
        v = velocity(lagrangian, t, q, p)
        return v, jax.grad(lagrangian, argnums=1)(jnp.asarray(t, q.dtype), q, v)

    return diffrax.ODETerm(rate)


def velocity(lagrangian: Lagrangian, t: Any, q: Point, p: Point) -> Point:
    """Return v with ∂L/∂v = p, by Newton's method from p."""
    time = jnp.asarray(t, q.dtype)
    momentum = jax.grad(lagrangian, argnums=2)
    return _newton(lambda v: momentum(time, q, v) - p, p)[0]


def _newton(function: Callable[[Array], Array], start: Array) -> tuple[Array, Bool[Array, ""]]:
    """Return a zero, found as well as rounding lets it be, and whether it was.

    Newton's corrections shrink until rounding stops them; one that is no smaller than the last is
    the sign of that where it is small, and of failure where it is not.
    """
    enough = float(jnp.finfo(start.dtype).eps) ** 0.5

    def once(carry: tuple) -> tuple:
        x, last, _, count = carry
        move = jnp.linalg.solve(jax.jacfwd(function)(x), function(x))
        length = jnp.max(jnp.abs(move))
        better = length < last
        return jnp.where(better, x - move, x), jnp.where(better, length, last), better, count + 1

    def going(carry: tuple) -> Array:
        return carry[2] & (carry[1] > 0.0) & (carry[3] < ITERATIONS)

    infinite = jnp.full((), jnp.inf, start.dtype)
    begun = (start, infinite, jnp.ones((), bool), jnp.zeros((), jnp.int32))
    x, last, _, _ = jax.lax.while_loop(going, once, begun)
    size = jnp.max(jnp.abs(x), initial=0.0)
    return x, last <= enough * (1.0 + size)


def _control(degree: int) -> np.ndarray:
    """Return the control points on [0, 1], ends included; the method does not depend on them."""
    return 0.5 * (1.0 + chebyshev.chebpts2(degree + 1))


def _rule(degree: int) -> _Rule:
    """Return Gauss nodes and weights on [0, 1], and the polynomial's values and slopes there."""
    x, weights = legendre.leggauss(degree)
    control = chebyshev.chebpts2(degree + 1)
    basis = np.linalg.inv(chebyshev.chebvander(control, degree))
    functions = [Chebyshev(column) for column in basis.T]
    values = np.stack([function(x) for function in functions], axis=1)
    slopes = np.stack([2.0 * function.deriv()(x) for function in functions], axis=1)
    return _Rule(0.5 * (1.0 + x), 0.5 * weights, values, slopes)
