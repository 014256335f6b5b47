"""Terms of additive models: a column, a pair of columns, and a curve."""

from __future__ import annotations

import numpy as np

from churn_torch.explanation.additive_terms import AdditiveTerm

TERMS = [
    AdditiveTerm(
        ("<plan>",),
        (("missing", "a", "b"),),
        np.array([0.0, 1.0, -1.0]),
        np.array([0.0, 0.5, 0.5]),
    ),
    AdditiveTerm(
        ("<plan>", "usage"),
        (("missing", "a", "b"), ("missing", "up to 3", "above 3")),
        np.arange(9.0).reshape(3, 3) - 4,
        np.array([[0, 0, 0], [0, 0.25, 0.25], [0, 0.5, 0]]),
    ),
]
CURVE = AdditiveTerm(
    ("it's <usage>",),
    (("missing", "0", "5", "10"),),
    np.array([0.0, -0.5, 0.125, 2.0]),
    np.array([0.0, 0.4, 0.3, 0.3]),
    values=np.array([0.0, 5.0, 10.0]),
)
