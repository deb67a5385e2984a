"""Tables and figures from the rows of a study."""

from pinn.benchmark.report.accuracy import Accuracy as Accuracy
from pinn.benchmark.report.against import AgainstPublished as AgainstPublished
from pinn.benchmark.report.convergence import Convergence as Convergence
from pinn.benchmark.report.curves import DriftCurves as DriftCurves
from pinn.benchmark.report.peers import AgainstPeers as AgainstPeers
from pinn.benchmark.report.plots import ScalingCurves as ScalingCurves
from pinn.benchmark.report.plots import WorkPrecision as WorkPrecision
from pinn.benchmark.report.scaling import Scaling as Scaling
from pinn.benchmark.report.winners import Winners as Winners
