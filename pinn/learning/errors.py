"""What the room of learning says when something is wrong."""

from pinn.errors import PinnError


class LearningError(PinnError, ValueError):
    """A model, loss, group or rule for which the law that was asked for does not hold."""
