"""Floor 3: reference solutions that state their own error: integrated, spectral or closed."""

from pinn.references.lines import Lines as Lines
from pinn.references.method import Adaptive as Adaptive
from pinn.references.method import Closed as Closed
from pinn.references.method import Fixed as Fixed
from pinn.references.stationary import Collocation as Collocation
