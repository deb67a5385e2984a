"""Random jets: points of jet space at which identities are checked, no solution needed."""

from collections.abc import Iterable, Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike

from pinn.jets.jet import Jet
from pinn.jets.space import JetSpace


def random_jets(
    space: JetSpace,
    entries: Iterable[str],
    seed: int,
    count: int,
    centre: Mapping[str, ArrayLike] | None = None,
) -> Jet:
    """Return `count` independent jets with a leading axis.

    An entry with a centre c is uniform in c ± |c|/2, component by component (where c vanishes, in
    ± half the largest component), so that positive quantities stay positive; the others are
    uniform in ±1. A law that is an analytic identity on jet space holds at every such jet or at
    almost none, so a handful decides.
    """
    generator = np.random.default_rng(seed)
    values = {}
    for name in sorted({space.canonical(name) for name in entries}):
        noise = generator.uniform(-1.0, 1.0, (count, *space.shape(name)))
        if centre and name in centre:
            noise = _around(np.asarray(centre[name]), noise)
        values[name] = jnp.asarray(noise, jnp.result_type(float))
    return Jet(space, values)


def _around(centre: np.ndarray, noise: np.ndarray) -> np.ndarray:
    largest = np.max(np.abs(centre), initial=0.0)
    spread = np.where(centre == 0.0, largest or 1.0, np.abs(centre))
    return centre + 0.5 * spread * noise
