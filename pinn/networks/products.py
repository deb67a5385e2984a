"""Jets of products of one function a coordinate: each is differentiated alone, never nested."""

from collections.abc import Callable, Collection, Mapping, Sequence

from jaxtyping import Array, Float

from pinn.jets import lift

# From one coordinate to the values of several functions there.
Factor = Callable[[Float[Array, ""]], Float[Array, " count"]]
Orders = tuple[int, ...]


def product_jets(
    factors: Sequence[Factor],
    combine: Callable[[Sequence[Array]], Array],
    wanted: Collection[Orders],
) -> Callable[..., Mapping[Orders, Array]]:
    """Return the map from a point to ∂^orders of `combine(factors)`, for each of the wanted orders.

    A mixed derivative costs what a product costs, where nested differentiation multiplies the size
    of the program with every order.

    Args:
        factors: one for each coordinate.
        combine: the sums of products, linear in each factor.
        wanted: how often to differentiate along each coordinate.
    """
    highest = [max(orders, default=0) for orders in zip(*wanted, strict=True)]

    def at(*point: Array) -> Mapping[Orders, Array]:
        along = zip(factors, highest, point, strict=True)
        tables = [lift(factor, 0, order)(x) for factor, order, x in along]
        chosen = lambda orders: [t[k] for t, k in zip(tables, orders, strict=True)]  # noqa: E731
        return {orders: combine(chosen(orders)) for orders in wanted}

    return at
