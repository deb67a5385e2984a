"""Conservation laws inside learning itself: from layer to layer, and over training."""

from pinn.learning.charges import Charges as Charges
from pinn.learning.charges import conserved as conserved
from pinn.learning.charges import independent_laws as independent_laws
from pinn.learning.dynamics import KineticBalance as KineticBalance
from pinn.learning.dynamics import gradient_flow as gradient_flow
from pinn.learning.dynamics import kinetic_balance as kinetic_balance
from pinn.learning.dynamics import measured_balance as measured_balance
from pinn.learning.errors import LearningError as LearningError
from pinn.learning.groups import AbstractGroup as AbstractGroup
from pinn.learning.groups import Action as Action
from pinn.learning.groups import Affine as Affine
from pinn.learning.groups import BiasShift as BiasShift
from pinn.learning.groups import GeneralLinear as GeneralLinear
from pinn.learning.groups import Rotation as Rotation
from pinn.learning.groups import Translation as Translation
from pinn.learning.layers import LayerInvariants as LayerInvariants
from pinn.learning.layers import layer_invariants as layer_invariants
from pinn.learning.monitor import Monitor as Monitor
from pinn.learning.monitor import monitor as monitor
from pinn.learning.rules import LearningRule as LearningRule
from pinn.learning.symmetries import Symmetry as Symmetry
from pinn.learning.symmetries import symmetries as symmetries
from pinn.learning.trainedness import Trainedness as Trainedness
from pinn.learning.trainedness import trainedness as trainedness
