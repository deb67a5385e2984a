"""Where the components of several entries lie in one array."""

from collections.abc import Mapping
from math import prod

from pinn.jets import JetSpace


def components(
    names: tuple[str, ...], space: JetSpace
) -> Mapping[str, tuple[slice, tuple[int, ...]]]:
    """Return where each entry's components lie in an array that holds them all, and its shape."""
    found, start = {}, 0
    for name in names:
        shape = space.shape(name)
        found[name] = (slice(start, start + prod(shape)), shape)
        start += prod(shape)
    return found
