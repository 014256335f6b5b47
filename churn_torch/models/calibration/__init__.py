"""Calibrators: small modules from logit to calibrated logit, fitted on the validation rows.

One calibrator a file. Each ``fit_*`` function looks at data and returns numbers; the module beside
it holds them as buffers, so it exports with the rest of the scorer. Configurations and run folders
name them from here.
"""

from churn_torch.models.calibration.auto import Auto
from churn_torch.models.calibration.beta import Beta
from churn_torch.models.calibration.calibrator import Calibrator
from churn_torch.models.calibration.isotonic import Isotonic
from churn_torch.models.calibration.platt import Platt
from churn_torch.models.calibration.quadratic import Quadratic
from churn_torch.models.calibration.temperature import Temperature

__all__ = ["Auto", "Beta", "Calibrator", "Isotonic", "Platt", "Quadratic", "Temperature"]
