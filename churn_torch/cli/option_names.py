"""What the options of groups are called elsewhere: which option a user meant."""

from __future__ import annotations

from collections.abc import Sequence

from churn_torch.errors import suggest

# Case, dashes and underscores make no difference.
_KNOWN_BY = """
model=logreg: logistic logisticregression logit linear lr glm
model=mlp: nn neuralnet neuralnetwork net dnn ann deep feedforward torch pytorch
model=wide_deep: xgboost xgb lightgbm lgbm lgb catboost gbm gradientboosting boosting trees
  randomforest rf forest tree decisiontree wideanddeep best
model=scorecard: points woe
model=survival: cox coxph kaplanmeier
calibration=platt: sigmoid logistic
calibration=none: off false no null
calibration=auto: true on yes
optimizer=auto: liblinear sag saga newtoncg newtoncholesky
optimizer=adam: rmsprop adagrad nadam adamax
scheduler=cosine: cosineannealing onecycle step linear warmup
scheduler=plateau: reducelronplateau reduceonplateau
trainer=gpu: cuda gpus nvidia
trainer=ddp: multigpu distributed
logger=tensorboard: tb board
debug=fast: true on yes 1 fastdevrun
data=table: csv parquet excel xlsx file own custom
"""
_OTHER_NAMES = {
    (choice.partition("=")[0], name): choice.partition("=")[2]
    for choice, names in (
        line.split(":") for line in _KNOWN_BY.replace("\n  ", " ").strip().splitlines()
    )
    for name in names.split()
}


def nearest_option(group: str, written: str, options: Sequence[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the option that a user most likely meant, or ``""``."""
    known = known_option(group, written)
    return f" (did you mean {known!r}?)" if known in options else suggest(written, options)


def known_option(group: str, written: str) -> str | None:
    """Return the option that has this name elsewhere."""
    return _OTHER_NAMES.get((group, written.lower().replace("-", "").replace("_", "")))
