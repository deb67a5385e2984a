"""Floor 3: reference solutions that state their own error, by diffrax or in closed form."""

from pinn.references.method import Adaptive as Adaptive
from pinn.references.method import Closed as Closed
from pinn.references.method import Fixed as Fixed
