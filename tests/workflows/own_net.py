"""A net as a user might write one."""

from churn_torch.models.nets.linear import Linear


class OwnLinear(Linear):
    """Logistic regression by another name."""
