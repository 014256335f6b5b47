"""The names of the outputs of the ONNX file."""

from __future__ import annotations

PROBABILITY = "churn_probability"  # [N] float32, calibrated
DECISION = "churn_decision"  # [N] int64, 1 at and above the threshold
REASONS = "reasons"  # [N, F] float32, what each input column adds to the log-odds
QUALITY = "quality"  # [N, F] int64, whether each input can be trusted
UPLIFT = "uplift"  # [N] float32, by how much a contact lowers the probability; in files of uplift

# By the word in ``export.outputs``, in their order in the file.
OUTPUTS = {
    "probability": PROBABILITY,
    "decision": DECISION,
    "reasons": REASONS,
    "quality": QUALITY,
}


# Increased when a change would make older readers misread a file.
FORMAT = 1
