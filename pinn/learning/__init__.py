"""Conservation laws inside learning itself: from layer to layer, and over training."""

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
from pinn.learning.trainedness import Trainedness as Trainedness
from pinn.learning.trainedness import trainedness as trainedness
