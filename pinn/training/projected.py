"""A march whose states lie on the level set of its charges, at every time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from pinn.errors import RecipeError
from pinn.jets import Jet
from pinn.networks.marching import MarchingState, marching_jet, window_fields
from pinn.networks.window import Window, window_jet
from pinn.noether.anchor import anchor
from pinn.noether.levels import LevelSet, State
from pinn.noether.verify import verified_charges
from pinn.problem.dynamics import Dynamics
from pinn.problem.problem import Problem
from pinn.training.conservation import Exact
from pinn.training.recipe import Recipe
from pinn.training.rows import Nodes

NODES = 24
ROUNDS = 8
Levels = Mapping[str, Array]
StateAt = Callable[[Array], State]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ProjectedMarch:
    """A trained march with the levels of the charges that have sources.

    Args:
        march: the trained windows.
        gained: what each such charge's sources have added at the start of each window.
        rates: the Legendre coefficients of its source in each window.
    """

    march: MarchingState
    gained: Mapping[str, Float[Array, "windows ..."]]
    rates: Mapping[str, Float[Array, "windows nodes ..."]]


class Balance:
    """What sources add to the charges of a level set within a window, along its own states.

    The level of a charge with a source is an integral over the projected states, which depend on
    the level: a Volterra equation, solved by Picard's iteration on Gauss–Legendre nodes.
    """

    def __init__(self, level_set: LevelSet, anchors: Mapping[str, np.ndarray]):
        self.level_set, self.anchors = level_set, anchors
        self.nodes = Nodes.gauss_legendre(NODES)
        vandermonde = np.polynomial.legendre.legvander(2.0 * self.nodes.points - 1.0, NODES - 1)
        self._coefficients = np.linalg.inv(vandermonde)

    def levels(self, gained: Levels, dtype: np.dtype) -> dict[str, Array]:
        """Return what each charge should be, from what the sources have added since the start."""
        values = {n: jnp.asarray(self.anchors[n], dtype) for n in self.level_set.charges}
        return {n: v + gained[n] if n in gained else v for n, v in values.items()}

    def rates(self, state_at: StateAt, start: Array, length: Array, gained: Levels) -> Levels:
        """Return the Legendre coefficients of the sources in a window.

        Args:
            state_at: the unprojected state as a function of the share of the window.
            start: the time at its start.
            length: its length.
            gained: what the sources have added before.
        """
        dtype = length.dtype
        points, running, transform = (
            jnp.asarray(a, dtype)
            for a in (self.nodes.points, self.nodes.running, self._coefficients)
        )
        times, raw = start + length * points, jax.vmap(state_at)(points)
        values = jax.vmap(self.level_set.rates)(times, raw)

        def improve(_: int, values: Levels) -> Levels:
            added = {
                n: gained[n] + length * jnp.tensordot(running, v, axes=1) for n, v in values.items()
            }
            states = jax.vmap(lambda t, s, g: self.level_set.project(t, s, self.levels(g, dtype)))(
                times, raw, added
            )
            return jax.vmap(self.level_set.rates)(times, states)

        values = jax.lax.fori_loop(0, ROUNDS, improve, values)
        return {n: jnp.tensordot(transform, v, axes=1) for n, v in values.items()}

    def whole(self, rates: Levels, length: Array) -> dict[str, Array]:
        """Return what the sources add over a whole window."""
        return {n: length * coefficients[0] for n, coefficients in rates.items()}


def running_integral(coefficients: Float[Array, "n ..."], share: Array) -> Array:
    """Return ∫₀^share of a series of Legendre polynomials on [0, 1]."""
    x = 2.0 * share - 1.0
    polynomials = [jnp.ones_like(x), x]
    for k in range(1, coefficients.shape[0]):
        polynomials.append(((2 * k + 1) * x * polynomials[k] - k * polynomials[k - 1]) / (k + 1))
    # ∫₋₁ˣ P_k = (P_{k+1} − P_{k−1}) / (2k + 1)
    integrals = [x + 1.0]
    for k in range(1, coefficients.shape[0]):
        integrals.append((polynomials[k + 1] - polynomials[k - 1]) / (2 * k + 1))
    return 0.5 * jnp.tensordot(jnp.stack(integrals), coefficients, axes=1)


@lru_cache(maxsize=8)
def exact_balance(problem: Problem, recipe: Recipe) -> Balance | None:
    """Return the levels of the charges that a recipe holds exactly; None if there are none.

    Where the charges would fix the whole state, those with sources are left to their penalty: on
    the curve that the others leave, they have turning points, at which no state has their level.

    Raises:
        RecipeError: such a charge is asked for by name.
    """
    charges, chosen = verified_charges(problem), recipe.holding(problem)
    held = {n: c for n, c in charges.items() if isinstance(chosen[n], Exact)}
    if not held or problem.extent:
        return None
    level_set = LevelSet.of(problem, held)
    changing = list(level_set.changing)
    if changing and level_set.count >= level_set.dimension:
        if isinstance(recipe.conservation, tuple) and changing[0] in dict(recipe.conservation):
            raise RecipeError(
                f"The charge {changing[0]!r} has a source, and with {', '.join(held)} held exactly "
                "nothing of the state would be left to the equation: choose 'penalty' for it, or "
                "for one of the others."
            )
        held = {n: c for n, c in held.items() if n not in changing}
        level_set = LevelSet.of(problem, held)
    return Balance(level_set, anchor(problem).charges) if held else None


def projected_march(balance: Balance, graph: nnx.GraphDef, march: MarchingState) -> ProjectedMarch:
    """Return a trained march with its levels, window by window from the start."""
    level_set = balance.level_set
    space, dtype = level_set.dynamics.space, march.windows.start.dtype
    begin = {n: jnp.asarray(0.0 * balance.anchors[n], dtype) for n in level_set.changing}

    def through(gained: Levels, window_and_parameters: tuple) -> tuple[Levels, tuple]:
        window, parameters = window_and_parameters
        fields = window_fields(graph, parameters, window, space.fields)
        names = level_set.dynamics.state_entries
        jet_at = window_jet(fields, space, level_set.dynamics.time, names, window.start)

        def state_at(share: Array) -> State:
            jet = jet_at(share * window.length)
            return {n: jet[n] for n in names}

        rates = balance.rates(state_at, window.start, window.length, gained)
        added = balance.whole(rates, window.length)
        return {n: g + added[n] for n, g in gained.items()}, (gained, rates)

    if not begin:
        return ProjectedMarch(march, {}, {})
    _, (gained, rates) = jax.jit(lambda m: jax.lax.scan(through, begin, m))(
        (march.windows, march.parameters)
    )
    return ProjectedMarch(march, gained, rates)


def projected_jet(
    balance: Balance, graph: nnx.GraphDef, entries: tuple[str, ...]
) -> Callable[[ProjectedMarch, Float[Array, ""]], Jet]:
    """Return the map from a projected march and one time to the jet there.

    The entries of the state are the projected ones; those above are derivatives of the highest of
    the state. Beyond the trained interval the levels of charges with sources are unknown, and only
    the conserved ones are held, by states that may stay behind the extrapolated ones.
    """
    dynamics = balance.level_set.dynamics
    space, orders = dynamics.space, dynamics.orders
    parsed = {n: space.parse(n) for n in entries if not space.is_coordinate(n)}
    above = {n: e.orders[0] - orders[e.field] + 1 for n, e in parsed.items()}
    height = max(0, *above.values()) if above else 0

    def jet_at(state: ProjectedMarch, t: Array) -> Jet:
        lifted = _lift(lambda time: _state_at(balance, graph, state, time), height)(t)
        values: dict[str, Array] = {n: t for n in entries if n == dynamics.time}
        for name, order in above.items():
            field = parsed[name].field
            top = dynamics.entry(field, orders[field] - 1)
            values[name] = lifted[0][name] if order <= 0 else lifted[order][top]
        return Jet(space, values)

    return jet_at


def _state_at(balance: Balance, graph: nnx.GraphDef, state: ProjectedMarch, t: Array) -> State:
    level_set, windows = balance.level_set, state.march.windows
    dynamics = level_set.dynamics
    raw = marching_jet(graph, dynamics.space, dynamics.time, dynamics.state_entries)(state.march, t)
    index = jnp.clip(jnp.searchsorted(windows.start, t, side="right") - 1, 0, state.march.count - 1)
    window = jax.tree.map(lambda leaf: leaf[index], windows)
    share = (t - window.start) / window.length
    inside = (share >= 0.0) & (share <= 1.0 + 1e-9)
    share = jnp.clip(share, 0.0, 1.0)
    gained = {
        n: state.gained[n][index] + window.length * running_integral(rates[index], share)
        for n, rates in state.rates.items()
    }
    states = {n: raw[n] for n in dynamics.state_entries}
    levels = balance.levels(gained, t.dtype)
    return level_set.project(t, states, levels, inside, starting_state(dynamics, window))


def starting_state(dynamics: Dynamics, window: Window) -> State:
    """Return the state at the start of a window."""
    return {
        dynamics.entry(field, k): derivatives[k]
        for field, derivatives in window.taylor.items()
        for k in range(dynamics.orders[field])
    }


def _lift(function: StateAt, order: int) -> Callable[[Array], tuple[State, ...]]:
    """Return the map to a function and its derivatives up to an order."""
    if order == 0:
        return lambda t: (function(t),)
    lower = _lift(function, order - 1)

    def lifted(t: Array) -> tuple[State, ...]:
        values, rates = jax.jvp(lower, (t,), (jnp.ones_like(t),))
        return (*values, rates[-1])

    return lifted
