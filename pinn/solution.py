"""A trained solver, the object that downstream code calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from pinn.errors import CheckpointError, ProblemError
from pinn.jets import Jet
from pinn.networks.marching import MarchingState
from pinn.noether.group import Group
from pinn.posterior import Posterior
from pinn.precision import concretely
from pinn.problem.problem import Problem
from pinn.training import evaluation
from pinn.training.machinery import network_structure
from pinn.training.march import March
from pinn.training.parts import span
from pinn.training.projected import Balance, exact_balance, projected_march
from pinn.training.recipe import Recipe
from pinn.trajectory import Trajectory
from pinn.unseen import Unseen, unseen

SYMMETRIC = 0.1


@dataclass(frozen=True, eq=False)
class Solution:
    """A trained solver: call it with times, ask it for derivatives and charges, save it.

    Args:
        problem: what it solves.
        recipe: how it was trained.
        march: the trained windows, and what is needed to train on.
        model: the trained windows as stacked arrays.
        seed: the seed it was trained with.
        seconds: wall time of `compile` and `training`.
        versions: the libraries it was trained with.
        device: what it was trained on.
        scores: accuracy and drift against a reference, once `pinn.compare` measured them.
        group: the symmetries that its output is averaged over, if any.
        posterior: what the data say of the unknowns, where there were some.
    """

    problem: Problem
    recipe: Recipe
    march: March
    model: MarchingState
    seed: int
    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    device: str
    scores: dict[str, Any] = field(default_factory=dict)
    group: Group | None = None
    posterior: Posterior | None = None

    @property
    def unknowns(self) -> dict[str, Any]:
        """The estimate of each unknown, by name; a function for an unknown function."""
        return dict(self.problem.values) if self.posterior is None else self.posterior.estimate

    @cached_property
    def trajectory(self) -> Trajectory:
        """Its fields, jets and charges as functions of time."""
        with concretely(self.recipe.precision):
            trajectory = evaluation.projected(self.problem, self.recipe, self.group)
            balance, joints = self._balance, self.model.windows.start
            if balance is None:
                return trajectory.along(self.model, joints, self._end)
            graph, _ = network_structure(self.problem, self.recipe)
            state = projected_march(balance, graph, self.model)
            return trajectory.along(state, joints, self._end)

    @property
    def _end(self) -> float | None:
        """The time up to which it is trained, where that is before the interval's end."""
        return None if self.complete else self.reached

    @property
    def _balance(self) -> Balance | None:
        return exact_balance(self.problem, self.recipe.completed(self.problem))

    @property
    def projected(self) -> bool:
        """Whether its states are projected on the level set of charges."""
        whole = evaluation.projected(self.problem, self.recipe, self.group)
        return whole is not evaluation.unprojected(self.problem, self.recipe, self.group)

    @cached_property
    def unprojected(self) -> Trajectory:
        """The same before any projection."""
        with concretely(self.recipe.precision):
            trajectory = evaluation.unprojected(self.problem, self.recipe, self.group)
            return trajectory.along(self.model, self.model.windows.start, self._end)

    def symmetrized(self, group: Group) -> "Solution":
        """Return the solution averaged over a finite group: exactly symmetric, also once loaded.

        The group must map solutions to solutions, and this solution about to itself, as where the
        initial data are symmetric; see `pinn.group`.

        Raises:
            ProblemError: the equation or the solution does not have the symmetry, or charges are
                held exactly in time alone, where an average would leave their level.
        """
        if self._balance is not None:
            raise ProblemError(
                "An average of states leaves the level set of charges that are held exactly: "
                "symmetrise a solution that was trained with another conservation=."
            )
        group.checked_elements(self.problem)
        averaged = replace(self, group=group, scores={})
        gap = self._distance(averaged)
        if not gap <= SYMMETRIC:
            raise ProblemError(
                f"The solution of {self.problem.name!r} is not symmetric under the group "
                f"{group.name} (its average differs from it by {gap:.1e} of its size): the group "
                "maps it to solutions with other initial data; choose one that leaves those as "
                "they are."
            )
        return averaged

    def _distance(self, other: "Solution") -> float:
        """Return the relative L2 difference of two solutions, on a coarse grid."""
        count = {0: 65, 1: 17, 2: 9, 3: 5}[len(self.problem.extent)]
        axes = [np.linspace(a.lower, a.upper, count + 1)[1:-1] for a in self.problem.axes.values()]
        points = np.meshgrid(*axes, indexing="ij", sparse=True)
        mine, theirs = self.unprojected.fields(*points), other.unprojected.fields(*points)
        gaps = [np.sum((np.asarray(mine[n]) - np.asarray(theirs[n])) ** 2) for n in mine]
        sizes = [np.sum(np.asarray(mine[n]) ** 2) for n in mine]
        return float(np.sqrt(sum(gaps) / sum(sizes)))

    def __call__(
        self, *coordinates: ArrayLike, extrapolate: bool = False
    ) -> dict[str, Float[Array, "..."]]:
        """Return each field at points, one broadcasting array a coordinate in the axes' order.

        Works under jit, vmap, grad and jvp. Concrete points are evaluated in the precision that it
        was trained in, whatever JAX is set to; inside a transformation the caller's rules.

        Args:
            coordinates: the points. Periodic coordinates wrap.
            extrapolate: give numbers also outside the intervals and after the time that is trained
                for, where values are NaN otherwise.
        """
        return self.trajectory.fields(*coordinates, extrapolate=extrapolate)

    def jet(
        self, *coordinates: Any, entries: tuple[str, ...] | None = None, extrapolate: bool = False
    ) -> Jet:
        """Return derivatives by name, as in `solution.jet(t, x, entries=("u", "u_t"))["u_t"]`.

        Outside the domain they are NaN unless `extrapolate` is given.
        """
        return self.trajectory.jet(*coordinates, entries=entries, extrapolate=extrapolate)

    def evaluate(
        self, function: Callable[[Jet], Any], *coordinates: ArrayLike, extrapolate: bool = False
    ) -> Any:
        """Return any function of the jet at points, as in `evaluate(lambda j: j.u * j.u_x, t, x)`.

        It is written for one point, as a residual is, and may return arrays in a tuple or a
        dictionary; each comes back with the points' common shape in front. Outside the domain real
        numbers are NaN unless `extrapolate` is given.
        """
        return self.trajectory.evaluate(function, *coordinates, extrapolate=extrapolate)

    def charges(self, *t: ArrayLike, extrapolate: bool = False) -> dict[str, Float[Array, "..."]]:
        """Return each charge at the times t, by name; over space, its integral.

        A stationary problem takes no time: each law's outflow less its source, zero on a solution.
        Outside the interval they are NaN unless `extrapolate` is given.
        """
        return self.trajectory.charges(*t, extrapolate=extrapolate)

    @property
    def complete(self) -> bool:
        """Whether training reached the end of the interval."""
        return self.march.reached >= span(self.problem).upper

    @property
    def reached(self) -> float:
        """The time up to which it is trained; beyond, values are NaN unless asked for."""
        return self.march.reached

    @property
    def parameter_count(self) -> int:
        """How many trained numbers there are, in all windows."""
        return sum(leaf.size for leaf in jax.tree.leaves(self.model.parameters))

    @property
    def steps(self) -> int:
        """How many training steps were taken, in all windows."""
        return sum(record.steps for record in self.march.records)

    @cached_property
    def unseen(self) -> Unseen:
        """What the equation, conditions and initial data say at points that training did not see.

        Computed at the end of training, and anew when first asked for after loading.
        """
        with concretely(self.recipe.precision):
            joined = self.recipe.windows.together
            return unseen(self.problem, self.unprojected, self.reached, joined)

    @property
    def residual(self) -> float:
        """The largest relative residual on points that training did not see."""
        return self.unseen.residual

    @property
    def accuracy(self) -> float:
        """The relative residual that was asked for."""
        return self.recipe.windows.accuracy(self.recipe.precision)

    @property
    def converged(self) -> bool:
        """Whether it is complete and its residual on unseen points is as small as was asked for."""
        return self.complete and self.residual <= self.accuracy

    def plot(self, reference: Any = None) -> Any:
        """Return a matplotlib figure of it, beside a reference where one is given.

        Orbits or time series in mechanics, maps and slices over space; then the error, and every
        charge's drift on a log axis. Save it by `.savefig("kepler.png")`.

        Args:
            reference: what `pinn.reference(solution.problem)` returned.

        Raises:
            PinnError: matplotlib is not installed.
        """
        from pinn.figures.solution import solution_figure

        return solution_figure(self, reference)

    def save(self, path: Any, *, overwrite: bool = False) -> None:
        """Write the solver to a new folder, whole or not at all.

        Raises:
            CheckpointError: the folder exists, or the problem could not be rebuilt from what is
                saved.
        """
        from pinn.checkpoint import save

        if self.group is not None:
            raise CheckpointError(
                "A symmetrised solution is not saved: save the solution that it came from, and "
                "call symmetrized again after loading."
            )
        save(self, path, overwrite=overwrite)

    def __repr__(self) -> str:
        return (
            f"Solution({self.problem.name}, {self.model.count} windows, "
            f"{self.parameter_count} parameters, residual {self.residual:.1e}"
            f"{'' if self.complete else f', trained to {self.reached:.6g} only'})"
        )
