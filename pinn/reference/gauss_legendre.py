"""Gauss-Legendre collocation: symplectic integration of any system, as a diffrax solver."""

from functools import cache
from typing import ClassVar, NamedTuple, final

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, ArrayLike, Bool, Float, PyTree, Real
import os

Time = Real[ArrayLike, ""]
State = PyTree[Float[ArrayLike, "..."]]

MODE = os.environ.get("MODE", "newton_lu")
EXTRA = int(os.environ.get("EXTRA", "99"))
STOP = os.environ.get("STOP", "pred")

@cache
def _quadrature(stages: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the Gauss-Legendre nodes cᵢ and weights bᵢ on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(stages)
    return (1.0 + nodes) / 2.0, weights / 2.0


def _legendre(degree, times):
    """Return [P₀(2τ − 1), …, P_degree(2τ − 1)]"""
    point = 2.0 * times - 1.0
    values = [point * 0.0 + 1.0, point]
    for m in range(1, degree):
        values.append(((2 * m + 1) * point * values[m] - m * values[m - 1]) / (m + 1))
    return values[: degree + 1]


def _node_values(stages):
    nodes, weights = _quadrature(stages)
    return np.stack(_legendre(stages - 1, nodes)) * weights


def _integral_weights(stages, times):
    xp = times.__array_namespace__()
    p = _legendre(stages, times)
    integrals = [times] + [(p[m + 1] - p[m - 1]) / 2.0 for m in range(1, stages)]
    return xp.stack(integrals, axis=-1) @ xp.asarray(_node_values(stages), dtype=times.dtype)


def _value_weights(stages, times):
    top = min(stages - 1, EXTRA)
    p = _legendre(top, times)
    scaled = jnp.stack([(2 * m + 1) * p[m] for m in range(top + 1)], axis=-1)
    return scaled @ jnp.asarray(_node_values(stages)[: top + 1], dtype=times.dtype)


class Collocation(diffrax.AbstractLocalInterpolation):
    t0: Time
    t1: Time
    y0: State
    increments: PyTree

    def evaluate(self, t0, t1=None, left=True):
        del left
        if t1 is not None:
            return jax.tree.map(jnp.subtract, self.evaluate(t1), self.evaluate(t0))
        fraction = (t0 - self.t0) / (self.t1 - self.t0)

        def leaf(y0, increments):
            weights = _integral_weights(len(increments), fraction)
            return y0 + jnp.tensordot(weights, increments, axes=1, precision="highest")

        return jax.tree.map(leaf, self.y0, self.increments)


class _Newton(NamedTuple):
    k: Array
    change: Array
    rate: Array
    iteration: Array
    done: Array


@final
class GaussLegendre(diffrax.AbstractSolver):
    stages: int = eqx.field(static=True, default=4)
    max_iterations: int = eqx.field(static=True, default=50)
    term_structure: ClassVar = diffrax.ODETerm
    interpolation_cls: ClassVar = Collocation

    def order(self, terms):
        return 2 * self.stages

    def init(self, terms, t0, t1, y0, args):
        k = ravel_pytree(terms.vf_prod(t0, y0, args, terms.contr(t0, t1)))[0]
        return jnp.broadcast_to(k, (self.stages, k.size)), jnp.asarray(t1 - t0), jnp.zeros_like(k), jnp.zeros(3, dtype=int)

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        s = self.stages
        k, last_h, lost, count = solver_state
        y, unravel = ravel_pytree(y0)
        h = t1 - t0
        c, b = _quadrature(s)
        A = jnp.asarray(_integral_weights(s, c), dtype=y.dtype)
        c = jnp.asarray(c, dtype=y.dtype)
        b = jnp.asarray(b, dtype=y.dtype)
        control = terms.contr(t0, t1)

        def f(t, y):
            return ravel_pytree(terms.vf_prod(t, unravel(y), args, control))[0]

        ratio = h / last_h
        k = ratio * (_value_weights(s, 1.0 + ratio * c) @ k)
        n = y.size
        eps = jnp.finfo(y.dtype).eps
        if MODE != "fixed":
            w = jnp.asarray(_integral_weights(s, np.array(0.5)), dtype=y.dtype)
            J = jax.jacfwd(lambda z: f(t0 + 0.5 * h, z))(y + w @ k)
            M = jnp.eye(s * n, dtype=y.dtype) - jnp.kron(A, J)
            if MODE == "newton_lu":
                lu = jax.scipy.linalg.lu_factor(M)
                solve = lambda r: jax.scipy.linalg.lu_solve(lu, r.ravel()).reshape(s, n)
            elif MODE == "newton_inv":
                inv = jnp.linalg.inv(M)
                solve = lambda r: (inv @ r.ravel()).reshape(s, n)
        else:
            solve = lambda r: r

        def body(it):
            r = jax.vmap(lambda ci, zi: f(t0 + ci * h, y + zi))(c, A @ it.k) - it.k
            d = solve(r)
            k = it.k + d
            scale = jnp.abs(y) + jnp.max(jnp.abs(k), axis=0)
            scale = jnp.maximum(scale, jnp.sqrt(eps) * jnp.max(scale))
            change = jnp.max(jnp.abs(d) / scale[None])
            rate = jnp.where(it.iteration > 0, change / it.change, 1.0)
            small = change <= 16 * jnp.sqrt(eps)
            stalled = small & (change >= it.change)
            if STOP == "pred":
                done = stalled | (change == 0) | ((rate < 1) & (change * rate / (1 - rate) <= eps))
            else:
                done = stalled | (change == 0)
            return _Newton(k, change, rate, it.iteration + 1, done)

        inf = jnp.asarray(jnp.inf, dtype=y.dtype)
        it = jax.lax.while_loop(
            lambda it: ~it.done & (it.iteration < self.max_iterations),
            body,
            _Newton(k, inf, inf, jnp.asarray(0), jnp.asarray(False)),
        )
        count = count + jnp.stack([it.iteration, jnp.asarray(1), jnp.asarray(0)])
        count = count.at[2].max(it.iteration)
        whole = b @ it.k + lost
        y1 = y + whole
        lost = whole - (y1 - y)
        result = diffrax.RESULTS.where(
            it.done, diffrax.RESULTS.successful, diffrax.RESULTS.nonlinear_divergence
        )
        incr = jax.vmap(unravel)(it.k)
        return unravel(y1), None, dict(y0=y0, increments=incr), (it.k, jnp.asarray(h), lost, count), result

    def func(self, terms, t0, y0, args):
        return terms.vf(t0, y0, args)
