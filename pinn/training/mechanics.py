"""The march of a mechanics problem: windows of time, a few numbers at each end."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.jets import Jet
from pinn.networks.marching import window_fields
from pinn.networks.mirror import Mirrors
from pinn.networks.window import Window, hard_start, window_jet
from pinn.training.loop import LoopState, outcome
from pinn.training.objective import AbstractObjective, Objective, Stacked
from pinn.training.own_rows import PlacedRows
from pinn.training.parts import AbstractMachinery, Front, Report
from pinn.training.projected import Balance, starting_state
from pinn.training.rows import Nodes, Stage, charge_block, equation_block, unit_of
from pinn.training.scales import field_scales

FRESH = 23


@dataclass(frozen=True, eq=False)
class Mechanics(AbstractMachinery):
    """The parts for fields over time alone.

    Args:
        nodes: the collocation points on [0, 1].
        start: the jet of the exact initial data, by entry.
        orders: by field, the highest derivative in the Taylor polynomial that a window starts with.
        largest: by field, the largest rate that explicit forces give at any time.
        balance: the levels of the charges that are held exactly, if there are any.
    """

    nodes: Nodes
    start: Mapping[str, np.ndarray]
    orders: Mapping[str, int]
    largest: Mapping[str, float]
    balance: Balance | None = None

    @property
    def warm(self) -> bool:
        """A solution of time alone goes on much as it did."""
        return True

    @property
    def mirrors(self) -> Mirrors:
        """None: there is no space."""
        return {}

    def first_front(self, seed: int) -> Front:
        """Return the march's beginning."""
        start = {name: jnp.asarray(value) for name, value in self.start.items()}
        state = {name: start[name] for name in self.problem.dynamics.state_entries}
        return Front(start[self.problem.time], state, self.no_gain(), self.fresh(seed))

    def time_scale(self) -> float:
        """Return the shortest time on which a derivative at the start changes the one below it."""
        dynamics, times = self.problem.dynamics, [self.problem.interval.length]
        for f, order in dynamics.orders.items():
            sizes = [
                float(np.max(np.abs(self.start[dynamics.entry(f, k)]))) for k in range(order + 1)
            ]
            times += [a / b for a, b in pairwise(sizes) if a > 0.0 and b > 0.0]
        return min(times)

    def open(self, front: Front, length: Array) -> Stage:
        """Return the window that starts at the front."""
        dynamics = self.problem.dynamics
        length = jnp.asarray(length, self.dtype)
        # At a breakpoint the equation is that of the window, not of the one before.
        jumps = jnp.any(jnp.asarray([*self.span.breakpoints, jnp.nan], self.dtype) == front.time)
        begin = jnp.where(jumps, jnp.nextafter(front.time, front.time + length), front.time)
        names = [dynamics.entry(f, k) for f, n in self.orders.items() for k in range(n + 1)]
        jet = dynamics.on_shell({**front.state, self.problem.time: begin}, names)
        taylor = {
            name: jnp.stack([jet[dynamics.entry(name, k)] for k in range(top + 1)])
            for name, top in self.orders.items()
        }
        scale = field_scales(dynamics, front.state, taylor, front.time, length, self.largest)
        unit = [
            jnp.full(int(np.prod(self.problem.fields[name])), scale[name] / length**order)
            for name, order in dynamics.orders.items()
        ]
        row_scale = jnp.abs(dynamics.mass_matrix(jet)) @ jnp.concatenate(unit)
        return Stage(Window(front.time, length, taylor, scale), row_scale, self._attainable(front))

    @property
    def correction(self) -> float:
        """The part of a charge that one window may be asked to make good.

        That is the tolerance where the windows' lengths follow from it. A larger drift came from
        the windows before, and to make it good at once would cost more than the tolerance.
        """
        rule = self.recipe.windows
        return rule.target(self.recipe.precision) if rule.adaptive else math.inf

    def _attainable(self, front: Front) -> dict[str, Array]:
        """Return what each charge should be, but for drift that no window could make good alone.

        To ask it for more is to ask it for another solution; and the shorter the window, the less
        the rows of its equation weigh against that.
        """
        targets = self.targets(front)
        if not math.isfinite(self.correction):
            return targets
        free = {**front.state, self.problem.time: front.time}
        for name, charge in self.charges.items():
            jet = self.problem.dynamics.on_shell(free, charge.density.needs)
            here, far = charge.density(jet), self.correction * self._row_scale(name, targets[name])
            targets[name] = here + jnp.clip(targets[name] - here, -far, far)
        return targets

    def _row_scale(self, name: str, target: Array) -> Array:
        """Return what a charge's rows are measured against: it may have grown by its sources."""
        return jnp.maximum(self.scales[name], jnp.max(jnp.abs(target)))

    def prepare(self, stage: Stage) -> tuple[()]:
        """Return nothing: a window's jets all depend on the parameters."""
        return ()

    def multiplier_count(self, stage: Stage) -> int:
        """Return how many multipliers the augmented rows have."""
        return self.objective(stage).multiplier_count

    def objective(self, stage: Stage, known: tuple[()] = ()) -> AbstractObjective:
        """Return the rows of one window."""
        blocks = [equation_block(self.problem, stage)]
        blocks += [
            charge_block(
                self.charges[name],
                stage,
                self.nodes,
                self._row_scale(name, stage.targets[name]),
                mode,
            )
            for name, mode in self.modes.items()
            if mode.weight
        ]
        points = stage.window.inside(jnp.asarray(self.nodes.points, self.dtype))
        whole = Objective(blocks, self._jet_at(stage.window), points)
        own = [self._own(stage, rows) for rows in self.own_rows]
        return Stacked([whole, *own]) if own else whole

    def _own(self, stage: Stage, rows: PlacedRows) -> Objective:
        """Return a user's own rows."""
        window, problem, needs = stage.window, self.problem, rows.function.needs
        points, here = rows.inside(window, 0, self.span)
        nothing = jnp.zeros(problem.space.components, self.dtype)
        fields = hard_start(lambda x: nothing, window, problem.fields)
        start_at = window_jet(fields, problem.space, problem.time, needs, window.start)
        units = {n: unit_of(problem, window, n) for n in needs if n != problem.time}
        block = rows.block(lambda point: start_at(point[0]), points, here, units)
        return Objective([block], self._jet_at(window, needs), points[:, 0])

    def _jet_at(
        self, window: Window, entries: tuple[str, ...] = ()
    ) -> Callable[[Array, Array], Jet]:
        """Return the jet of some entries, by default all that the equation and the charges need."""
        charges = {n for charge in self.charges.values() for n in charge.needs}
        dynamics = self.problem.dynamics
        entries = entries or tuple({*dynamics.residual.needs, *charges, *dynamics.state_entries})

        def jet_at(parameters: Array, elapsed: Array) -> Jet:
            fields = window_fields(
                self.graph, self.unravel(parameters), window, self.problem.fields
            )
            at = window_jet(fields, self.problem.space, self.problem.time, entries, window.start)
            return at(elapsed)

        return jet_at

    def close(
        self, stage: Stage, known: tuple[()], loop: LoopState, gained: Mapping[str, Array]
    ) -> Report:
        """Measure a trained window on fresh points and return the state at its end."""
        objective, window = self.objective(stage, known), stage.window
        parameters, loss = outcome(objective, loop)
        jet_at = self._jet_at(window)
        even = jnp.linspace(0.0, 1.0, FRESH, dtype=self.dtype)[1:]
        fresh = window.inside(jnp.concatenate([even, self.fresh_shares(window, FRESH)]))
        rows = jax.vmap(lambda s: self.problem.dynamics.residual(jet_at(parameters, s)))(fresh)
        along = lambda share: jet_at(parameters, window.elapsed(share))  # noqa: E731
        end, gained = self._end(along, window, gained)
        drifts = [
            jnp.max(jnp.abs(charge.density(end) - jnp.asarray(self.anchors[name]) - gained[name]))
            / self.scales[name]
            for name, charge in self.charges.items()
        ]
        return Report(
            parameters,
            loss,
            jnp.max(jnp.abs(rows) / stage.row_scale[None]),
            jnp.max(jnp.stack(drifts)) if drifts else jnp.zeros((), self.dtype),
            {name: end[name] for name in self.problem.dynamics.state_entries},
            gained,
        )

    def state_at(self, window: Window, parameters: Array, share: Array) -> dict[str, Array]:
        """Return the state at a share of a window as its network has it, by entry."""
        end = self._jet_at(window)(parameters, window.elapsed(share))
        return {name: end[name] for name in self.problem.dynamics.state_entries}

    def unprojected(self) -> "Mechanics":
        """Return the same without levels that states are held to."""
        return self if self.balance is None else replace(self, balance=None)

    def restarted(self, front: Front) -> Front:
        """Return a front whose charges are to stay what they are in its own state."""
        free, gained = {**front.state, self.problem.time: front.time}, {}
        for name, charge in self.charges.items():
            jet = self.problem.dynamics.on_shell(free, charge.density.needs)
            gained[name] = charge.density(jet) - jnp.asarray(self.anchors[name])
        return replace(front, gained=gained)

    def _end(
        self, along: Callable[[Array], Jet], window: Window, gained: Mapping[str, Array]
    ) -> tuple[Jet, dict[str, Array]]:
        """Return the jet at a window's end, and what the sources have added by then.

        With charges to be held exactly the end is on their level set, and the next window starts
        there.
        """
        names = self.problem.dynamics.state_entries
        end = along(jnp.ones((), self.dtype))
        sources = self._sources(along, window)
        if self.balance is None:
            return end, {n: g + sources.get(n, 0.0) for n, g in gained.items()}
        held = self.balance.level_set

        def state_at(share: Array) -> dict[str, Array]:
            jet = along(share)
            return {n: jet[n] for n in names}

        before = {n: gained[n] for n in held.changing}
        rates = self.balance.rates(state_at, window.start, window.length, before)
        sources |= self.balance.whole(rates, window.length)
        gained = {n: g + sources.get(n, 0.0) for n, g in gained.items()}
        levels = self.balance.levels({n: gained[n] for n in before}, self.dtype)
        time = window.start + window.length
        begin = starting_state(self.problem.dynamics, window)
        state = held.project(time, {n: end[n] for n in names}, levels, near=begin)
        return Jet(end.space, {**dict(end), **state}), gained

    def _sources(self, jet_at: Callable[[Array], Jet], window: Window) -> dict[str, Array]:
        """Return ∫ source dt over the window, by Gauss–Legendre quadrature."""
        points, weights = (
            jnp.asarray(a, self.dtype) for a in (self.nodes.points, self.nodes.weights)
        )
        totals = {}
        for name, charge in self.charges.items():
            if charge.source is not None:
                rates = jax.vmap(lambda s, c=charge: c.source(jet_at(s)))(points)
                totals[name] = window.length * jnp.tensordot(weights, rates, axes=1)
        return totals
