"""Random jets: points of jet space at which identities are checked, no solution needed."""

from collections.abc import Iterable, Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from pinn.jets.jet import Jet
from pinn.jets.space import JetSpace


def random_jets(
    space: JetSpace,
    entries: Iterable[str],
    key: PRNGKeyArray,
    count: int,
    centre: Mapping[str, Array] | None = None,
) -> Jet:
    """Return `count` independent jets with a leading axis.

    An entry with a centre c is uniform in c ± |c|/2, component by component (where c vanishes, in
    ± half the largest component), so that positive quantities stay positive; the others are
    uniform in ±1. A law that is an analytic identity on jet space holds at every such jet or at
    almost none, so a handful decides.
    """
    names = sorted({space.canonical(name) for name in entries})
    keys = jax.random.split(key, max(len(names), 1))
    centre = centre or {}

    def draw(name: str, key: PRNGKeyArray) -> Array:
        shape = (count, *space.shape(name))
        noise = jax.random.uniform(key, shape, jnp.result_type(float), -1.0, 1.0)
        return _around(jnp.asarray(centre[name]), noise) if name in centre else noise

    return Jet(space, {name: draw(name, k) for name, k in zip(names, keys, strict=False)})


def _around(centre: Array, noise: Array) -> Array:
    largest = jnp.max(jnp.abs(centre), initial=0.0)
    spread = jnp.where(centre == 0.0, jnp.where(largest == 0.0, 1.0, largest), jnp.abs(centre))
    return centre[None] + 0.5 * spread[None] * noise
