"""``python -m churn_torch NAME`` does what ``churn-torch NAME`` does."""

from __future__ import annotations

from churn_torch.cli.main import main

if __name__ == "__main__":
    main()
