"""A first estimate from all windows of time at once."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from pinn.estimation.joint import DEGREE, Guess, Joint
from pinn.estimation.matching import smoothed
from pinn.estimation.observations import Observations
from pinn.estimation.vector import Vector


def joint_start(
    vector: Vector, observations: Observations, z: Float[np.ndarray, " size"]
) -> Float[np.ndarray, " size"] | None:
    """Return a better first estimate from all windows of time at once; None where that fails.

    Components that were measured start from a smoothing of the data, others from their initial
    value. There are four windows for each extremum of the data.
    """
    problem = vector.problem
    if problem.extent or problem.stationary:
        return None
    splines = {
        (name, index): smoothed(problem, observations, name, index)
        for name, shape in problem.fields.items()
        for index in np.ndindex(shape)
    }
    known = [spline for spline in splines.values() if spline is not None]
    if not known:
        return None
    interval = problem.interval
    last = max(
        float(np.max(r.points[list(problem.axes).index(problem.time)]))
        for r in observations.requests
    )
    even = np.linspace(interval.lower, last, 1001)
    turns = max(int(np.sum(np.diff(np.sign(np.diff(s(even)))) != 0)) for s in known)
    edges = np.linspace(interval.lower, last, min(max(4 * turns, 8), 60) + 1)
    noise = {}
    for i, column in enumerate(observations.columns):
        rough = 0.02 * float(np.std(column.values)) or 1.0
        given = column.deviation
        noise[i] = np.full(column.values.size, rough) if given is None else given
    joint = Joint(vector, observations, edges, DEGREE, noise)
    guess = problem.traced(vector.values(jnp.asarray(z)))
    series = np.zeros((edges.size - 1, DEGREE + 1, problem.closed_space.components))
    for (name, index), spline in splines.items():
        place = problem.closed_space.columns[name].start + int(
            np.ravel_multi_index(index, problem.fields[name]) if index else 0
        )
        level = float(
            np.asarray(guess.initial_state.get(name, np.zeros(problem.fields[name])))[index]
        )
        for w in range(edges.size - 1):
            at = edges[w] + 0.5 * (joint.basis.nodes + 1.0) * (edges[w + 1] - edges[w])
            values = spline(at) if spline is not None else np.full(at.size, level)
            series[w, :, place] = joint.basis.analysis @ values
    found = joint.solve(Guess(np.array(z), series))
    return found if np.all(np.isfinite(found)) else None
