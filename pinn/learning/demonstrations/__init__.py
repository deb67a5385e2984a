"""Small runs that show each part of `pinn.learning` at work, for the command line and the docs."""

from pinn.learning.demonstrations.demonstration import Curve as Curve
from pinn.learning.demonstrations.demonstration import Demonstration as Demonstration
from pinn.learning.demonstrations.demonstration import Strip as Strip
from pinn.learning.demonstrations.demonstration import demonstrate as demonstrate
from pinn.learning.demonstrations.demonstration import demonstrations as demonstrations
