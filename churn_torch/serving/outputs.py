"""What the outputs of the ONNX file are called and what they mean."""

from __future__ import annotations

PROBABILITY = "churn_probability"  # [N] float32, calibrated
DECISION = "churn_decision"  # [N] int64, 1 at and above the threshold
REASONS = "reasons"  # [N, F] float32, what each input column adds to the log-odds
QUALITY = "quality"  # [N, F] int64, whether each input can be trusted

# By the word that chooses them (`outputs` in conf/train.yaml), in their order in the file.
OUTPUTS = {
    "probability": PROBABILITY,
    "decision": DECISION,
    "reasons": REASONS,
    "quality": QUALITY,
}


# Raised when a reader of older files would misread a newer one.
FORMAT = 1
