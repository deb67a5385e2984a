"""Gauss-Legendre collocation: symplectic integration of any system, as a diffrax solver.

Where the Hamiltonian does not split into T(p) + V(q), or the force depends on the velocity, the
compositions of `pinn.references.symplectic` do not apply. The Gauss-Legendre methods do: they are
implicit Runge-Kutta methods, symplectic and time-reversible for every system dy/dt = f(t, y),
and they keep every quadratic invariant to round-off.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import ClassVar, NamedTuple, final

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, ArrayLike, Bool, Float, PyTree

Time = Float[Array, ""] | float
State = PyTree[Float[ArrayLike, "..."]]
Stages = Float[Array, "stages size"]


@cache
def _quadrature(stages: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the Gauss-Legendre nodes cᵢ and weights bᵢ on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(stages)
    return (1.0 + nodes) / 2.0, weights / 2.0


def _legendre(degree: int, times: Array | np.ndarray) -> list[Array | np.ndarray]:
    """Return P₀(2τ − 1), …, P_degree(2τ − 1), by the three-term recurrence of Bonnet."""
    point = 2.0 * times - 1.0
    values = [0.0 * point + 1.0, point]
    for m in range(1, degree):
        values.append(((2 * m + 1) * point * values[m] - m * values[m - 1]) / (m + 1))
    return values[: degree + 1]


@cache
def _projection(stages: int) -> np.ndarray:
    """Return bⱼ Pₘ(2cⱼ − 1), which takes values at the nodes to Legendre coefficients."""
    nodes, weights = _quadrature(stages)
    return np.stack(_legendre(stages - 1, nodes)) * weights


def _value_weights(stages: int, times: Array) -> Array:
    """Return ℓⱼ(τ): what each node contributes to the interpolating polynomial at τ."""
    values = _legendre(stages - 1, times)
    scaled = jnp.stack([(2 * m + 1) * value for m, value in enumerate(values)], axis=-1)
    return scaled @ jnp.asarray(_projection(stages), dtype=scaled.dtype)


def _integral_weights(stages: int, times: Array | np.ndarray) -> Array | np.ndarray:
    """Return ∫₀^τ ℓⱼ: the Butcher matrix at τ = cᵢ, and exactly bⱼ at τ = 1."""
    arrays = times.__array_namespace__()
    values = _legendre(stages, times)
    integrals = [(values[m + 1] - values[m - 1]) / 2.0 for m in range(1, stages)]
    basis = arrays.stack([times, *integrals], axis=-1)
    return basis @ arrays.asarray(_projection(stages), dtype=basis.dtype)


@final
class CollocationPolynomial(diffrax.AbstractLocalInterpolation):
    """The polynomial of a Gauss-Legendre step, y₀ + Σⱼ kⱼ ∫₀^τ ℓⱼ with τ = (t − t₀)/h.

    It solves the differential equation at the s nodes; between them its error is of order
    h^(s+1), and at τ = 1 it is the step itself.
    """

    t0: Time
    t1: Time
    y0: State
    increments: PyTree[Float[Array, "stages ..."]]

    def evaluate(self, t0: Time, t1: Time | None = None, left: bool = True) -> PyTree[Array]:
        """Return y(t0), or the increment y(t1) − y(t0) where `t1` is given."""
        del left
        if t1 is not None:
            return jax.tree.map(jnp.subtract, self.evaluate(t1), self.evaluate(t0))
        fraction = jnp.asarray((t0 - self.t0) / (self.t1 - self.t0))

        def interpolate(start: Array, increments: Array) -> Array:
            weights = _integral_weights(len(increments), fraction).astype(increments.dtype)
            return start + jnp.tensordot(weights, increments, axes=1, precision="highest")

        return jax.tree.map(interpolate, self.y0, self.increments)


class _Memory(NamedTuple):
    """What one step leaves for the next: its stages, its length, and the rounding it lost."""

    increments: Stages
    length: Float[Array, ""]
    lost: Float[Array, " size"]


class _Iterate(NamedTuple):
    """One Newton iterate, the size of its last correction, and whether round-off is reached."""

    increments: Stages
    correction: Float[Array, ""]
    count: Array
    settled: Array


def _correction_size(change: Stages, start: Array, increments: Stages) -> Float[Array, ""]:
    """Return the largest correction relative to the size of its own component."""
    limits = jnp.finfo(start.dtype)
    size = jnp.abs(start) + jnp.max(jnp.abs(increments), axis=0)
    # A component that vanishes by symmetry holds only the rounding of the others, and would
    # never settle on its own scale.
    size = jnp.maximum(size, limits.eps**0.5 * jnp.max(size)) + limits.tiny
    return jnp.max(jnp.abs(change) / size[None])


def _newton(
    residual: Callable[[Stages], Stages],
    correct: Callable[[Stages], Stages],
    start: Array,
    guess: Stages,
    max_iterations: int,
) -> _Iterate:
    """Correct the stages until the corrections stop shrinking.

    A tolerance would stop a little short of the solution, always on the same side, and the
    energy would drift (Hairer, McLachlan and Razakarivony 2008). Corrections that no longer
    shrink are rounding, provided that they are small.
    """
    rounding = 16.0 * jnp.finfo(start.dtype).eps ** 0.5

    def iterate(last: _Iterate) -> _Iterate:
        change = correct(residual(last.increments))
        increments = last.increments + change
        size = _correction_size(change, start, increments)
        settled = (size == 0.0) | ((size < rounding) & (size >= last.correction))
        return _Iterate(increments, size, last.count + 1, settled)

    def unfinished(last: _Iterate) -> Array:
        return ~last.settled & (last.count < max_iterations)

    nothing_yet = jnp.asarray(jnp.inf, start.dtype)
    first = _Iterate(guess, nothing_yet, jnp.asarray(0), jnp.asarray(False))
    return jax.lax.while_loop(unfinished, iterate, first)


def _factorise(jacobian: Float[Array, "size size"], butcher: Array) -> Callable[[Stages], Stages]:
    """Return the solution of (I − A ⊗ hJ) x = r as a function of r."""
    matrix = jnp.kron(butcher, jacobian)
    factors = jax.scipy.linalg.lu_factor(jnp.eye(len(matrix), dtype=matrix.dtype) - matrix)
    return lambda r: jax.scipy.linalg.lu_solve(factors, r.ravel()).reshape(r.shape)


@final
class GaussLegendre(diffrax.AbstractSolver):
    """Gauss-Legendre collocation with s stages, of order 2s.

    The increments kᵢ = h f(t₀ + cᵢh, Yᵢ) and the step follow from

        Yᵢ = y₀ + Σⱼ aᵢⱼ kⱼ,    y₁ = y₀ + Σⱼ bⱼ kⱼ,
        aᵢⱼ = ∫₀^{cᵢ} ℓⱼ,    bⱼ = ∫₀¹ ℓⱼ,

    with cᵢ the zeros of the shifted Legendre polynomial of degree s and ℓⱼ the Lagrange
    polynomials through them. One stage is the implicit midpoint rule.

    Use it for Hamiltonian systems that do not split (a double pendulum, a charge in a magnetic
    field) and wherever quadratic invariants must hold to round-off; for H = T(p) + V(q) the
    explicit compositions of `pinn.references.symplectic` cost less. The terms are one
    `diffrax.ODETerm`, the state any pytree of real arrays of one dtype. Dense output follows the
    collocation polynomial, with an error of order h^(s+1) inside a step: step onto the times
    that must carry the full order.

    The stages are found by a simplified Newton iteration from the polynomial of the step before,
    with one Jacobian and one LU factorisation a step, of size s times the number of unknowns.
    Forward-mode differentiation works, reverse mode does not.

    Arguments:
        stages: the number of stages s, at least 1.
        max_iterations: the most Newton corrections of one step.

    Raises:
        ValueError: if `stages` or `max_iterations` is less than 1.

    A step whose stages do not converge ends with `diffrax.RESULTS.nonlinear_divergence`, which
    `diffrax.diffeqsolve` raises unless told `throw=False`.

    Source: Hairer, E., Lubich, C. and Wanner, G. (2006), "Geometric Numerical Integration",
    2nd ed., Springer, sections II.1.3 (the methods), IV.2.1 (quadratic invariants), VI.4.1
    (symplecticity) and VIII.6 (the iteration), doi 10.1007/3-540-30666-8. Stopping rule and
    compensated sum: Hairer, E., McLachlan, R. I. and Razakarivony, A. (2008), BIT 48:231,
    doi 10.1007/s10543-008-0170-3.
    """

    stages: int = eqx.field(static=True, default=4)
    max_iterations: int = eqx.field(static=True, default=50)
    term_structure: ClassVar = diffrax.ODETerm
    interpolation_cls: ClassVar = CollocationPolynomial

    def __check_init__(self) -> None:
        for name in ("stages", "max_iterations"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")

    def order(self, terms: PyTree) -> int:
        """Return the order of convergence, 2s."""
        del terms
        return 2 * self.stages

    def init(
        self, terms: diffrax.AbstractTerm, t0: Time, t1: Time, y0: State, args: PyTree
    ) -> _Memory:
        """Return the memory of a step that had the slope at the start throughout."""
        slope = ravel_pytree(terms.vf_prod(t0, y0, args, terms.contr(t0, t1)))[0]
        increments = jnp.broadcast_to(slope[None], (self.stages, slope.size))
        return _Memory(increments, jnp.asarray(t1 - t0, slope.dtype), jnp.zeros_like(slope))

    def step(
        self,
        terms: diffrax.AbstractTerm,
        t0: Time,
        t1: Time,
        y0: State,
        args: PyTree,
        solver_state: _Memory,
        made_jump: Bool[Array, ""] | bool,
    ) -> tuple[State, None, dict[str, PyTree], _Memory, diffrax.RESULTS]:
        """Advance y from `t0` to `t1`."""
        if made_jump is not False:
            restart = partial(self.init, terms, t0, t1, y0, args)
            solver_state = jax.lax.cond(made_jump, restart, lambda: solver_state)
        start, unravel = ravel_pytree(y0)
        stages = self._solve(terms, t0, t1, y0, args, solver_state)
        weights = jnp.asarray(_quadrature(self.stages)[1], start.dtype)
        # Compensated, since the rounding of this one sum is all that a long run accumulates.
        whole = solver_state.lost + jnp.matmul(weights, stages.increments, precision="highest")
        end = start + whole
        length = jnp.asarray(t1 - t0, start.dtype)
        memory = _Memory(stages.increments, length, whole - (end - start))
        result = diffrax.RESULTS.where(
            stages.settled, diffrax.RESULTS.successful, diffrax.RESULTS.nonlinear_divergence
        )
        dense_info = {"y0": y0, "increments": jax.vmap(unravel)(stages.increments)}
        return unravel(end), None, dense_info, memory, result

    def func(self, terms: diffrax.AbstractTerm, t0: Time, y0: State, args: PyTree) -> State:
        """Return dy/dt."""
        return terms.vf(t0, y0, args)

    def _solve(
        self,
        terms: diffrax.AbstractTerm,
        t0: Time,
        t1: Time,
        y0: State,
        args: PyTree,
        memory: _Memory,
    ) -> _Iterate:
        """Return the increments kᵢ of the step."""
        start, unravel = ravel_pytree(y0)
        cast = partial(jnp.asarray, dtype=start.dtype)
        nodes, control = _quadrature(self.stages)[0], terms.contr(t0, t1)
        butcher = cast(_integral_weights(self.stages, nodes))

        def increment(node: Array, moved: Array) -> Array:
            time = t0 + node.astype(jnp.result_type(t0)) * (t1 - t0)
            return ravel_pytree(terms.vf_prod(time, unravel(start + moved), args, control))[0]

        def residual(increments: Stages) -> Stages:
            moved = jnp.matmul(butcher, increments, precision="highest")
            return jax.vmap(increment)(cast(nodes), moved) - increments

        ratio = cast(t1 - t0) / memory.length
        guess = ratio * (_value_weights(self.stages, 1.0 + ratio * cast(nodes)) @ memory.increments)
        # Taken in the middle of the step, the Jacobian lets the iteration contract like h²; at
        # the start it would be like h.
        middle = cast(_integral_weights(self.stages, np.array([0.5]))[0]) @ guess
        jacobian = jax.jacfwd(increment, argnums=1)(cast(0.5), middle)
        correct = _factorise(jacobian, butcher)
        return _newton(residual, correct, start, guess, self.max_iterations)
