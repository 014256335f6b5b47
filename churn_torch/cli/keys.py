"""The keys of a command: which it takes with the choices made, and which one a user meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from churn_torch.cli.meant_values import with_value
from churn_torch.errors import InputError

_PACKAGE = Path(__file__).resolve().parents[1]
# In a wheel conf/ lies in the package, in a checkout beside it.
CONF = next(p / "conf" for p in (_PACKAGE, _PACKAGE.parent) if (p / "conf").is_dir())
SOURCE, SAMPLE = "data.source", "telco"
GROUPS = {path.name for path in CONF.iterdir() if path.is_dir()}

# What people know keys by, from scikit-learn, Lightning, Keras, XGBoost or another command. Of the
# keys before a colon, the first that the command takes is meant. Case, dashes and underscores make
# no difference.
_KNOWN_BY = """
trainer.max_epochs: epochs nepochs numepochs nbepochs maxepoch maxepochs maxiter niter
  maxiterations iterations numiterations numboostround numtrainepochs
optimizer.lr: lr learningrate learningrateinit lrinit eta eta0 stepsize
optimizer.momentum: momentum nesterovsmomentum
optimizer.weight_decay: weightdecay wd decay
optimizer.tolerance: tol tolerance
optimizer: solver optim opt algorithm
scheduler: lrscheduler schedule lrschedule lrschedulertype
seed: randomstate randomseed rngseed rng manualseed npseed seedeverything
data.split.test: testsize testshare testsplit testratio testfraction
data.split.validation: validationsize valsize validsize validationfraction valsplit
  validationsplit valratio valfraction validationratio devsize
data.split.by: splitby split splitter stratify
data.split.column by: timecolumn groupcolumn datecolumn group groups date time
data.target target: target label labels y ycol targetcolumn targetcol targetname labelcolumn
  labelcol outcome response dependent
data.positive: positive positiveclass poslabel positivelabel positivevalue
data.id: id idcol idcolumn idcols customerid key index indexcol
data.weight: sampleweight weights weight weightcolumn weightcol
data.treatment: treatment treatmentcolumn treatmentcol treated contacted exposure
data.ignore: ignore drop dropcolumns dropcols exclude ignorecolumns
data.kinds: dtypes dtype columntypes coltypes kinds kind types type dates parsedates
data.missing: navalues nullvalues nulls missingvalues missingvalue missingwords missingword
data.skip: skiprows header headerrow skiplines
data.decimal: decimalpoint decimalseparator thousands
data.source source: source data input inputs inputfile file filename path datapath datafile
  dataset csv csvfile table train trainfile traindata x
data.test_source: test testfile testdata testset testpath
data.database database: db dbfile duckdb
out outputs: out output outputs outputfile outfile outputdir outdir outputpath savedir savepath
  outputfolder logdir defaultrootdir dest
run runs resume: run runs rundir runfolder checkpoint ckpt ckptpath checkpointpath modelpath
  modelfile resumefromcheckpoint warmstart onnx
resume: resume resumefrom
batch_size chunk_rows: batch batchsize bs minibatch minibatchsize chunksize
  perdevicetrainbatchsize chunkrows chunk
patience: patience earlystopping earlystop earlystoppingpatience niternochange earlystoppingrounds
callbacks.progress: progress progressbar enableprogressbar verbose verbosity tqdm
penalty.l2: l2 l2reg reglambda lambda l2regularization c alpha regularization ridge
penalty.l1: l1 l1reg regalpha l1regularization lasso
class_weight: classweights classweight scaleposweight posweight balanced
gradient_clip: gradientclipval gradclip clipgradnorm maxgradnorm clipnorm clip
cv.folds: cv folds nfolds kfold kfolds nsplits cvfolds crossvalidation
cv.repeats: repeats nrepeats
ensemble: nestimators nensembles nmodels ensemblesize members
model run: model net network architecture arch estimator clf classifier modelname modeltype
model.width: width units hidden hiddensize hiddendim hiddenunits hiddenlayersizes nunits nhidden
  dmodel
model.depth: depth layers nlayers numlayers nblocks hiddenlayers
model.dropout: dropout dropoutrate droprate
model.activation: activation act
calibration: calibrator calibrate calibrationmethod
trainer.devices: devices gpus numgpus ngpus
trainer.accelerator: accelerator device usegpu cuda gpu cpu
trainer.precision: precision amp fp16
trainer.strategy: strategy ddp
trainer.profiler: profiler profile
threshold: threshold cutoff decisionthreshold
preprocess.scaling: scaling scaler scale standardize normalize normalization
preprocess.bins: bins nbins maxbin maxbins
preprocess.max_categories: maxcategories maxcardinality
preprocess.min_count: mincount minfrequency
features.select: select featureselection selector selection
features.k: kbest nfeatures nfeaturestoselect maxfeatures topk
export.outputs: exportoutputs outputnames
export.opset: opset opsetversion
tune.trials: trials ntrials numtrials maxtrials nitersearch
tune.minutes: minutes timeout maxminutes timelimit
tune.study: study studyname
tune.prune_after: prune pruneafter pruner nwarmupsteps
keep: keep columns keepcolumns cols usecols
metric: metric metrics scoring evalmetric sortby
by: by groupby segment segments slices
host: host address bind ip
port: port p
none: threads nthreads numthreads nthread njobs numworkers nworkers workers
"""
_OF_COLUMNS = {"data.kinds", "data.missing"}  # a column's name may follow
OTHER_NAMES: dict[str, list[str]] = {
    name: keys.split()
    for keys, names in (
        line.split(":") for line in _KNOWN_BY.replace("\n  ", " ").strip().splitlines()
    )
    for name in names.split()
}


def unknown_key(key: str, command: str, overrides: Sequence[str] = ()) -> InputError:
    """Return the error for a key that a command does not have with the choices made.

    What it suggests can be set.

    Args:
        key: As it was written.
        command: A file in conf/.
        overrides: The command line; the choices in it decide what can be suggested.
    """
    key = key.lstrip("+~")
    known = known_keys(command)
    if owners := known.get(key):
        return InputError(
            key,
            expected="a key of the choices made",
            got=f"one that belongs to {' or '.join(owners)}",
            fix=f"choose {owners[0] if len(owners) == 1 else 'one of them'}, or leave it out",
        )
    expected, all_keys = f"a key of {command}", "--help explains all keys"
    if right := right_key(key, taken_keys(command, overrides)):
        given = (one.lstrip("+~").partition("=") for one in overrides)
        value = next((value for name, _, value in given if name == key), "")
        got = f"an unknown one (did you mean {with_value(right, key, value)}?)"
        return InputError(key, expected=expected, got=got, fix=all_keys)
    values = [name for name in known if not any(other.startswith(f"{name}.") for other in known)]
    if elsewhere := right_key(key, [name for name in values if known[name]]):
        owners = [owner for owner in known[elsewhere] if owner != f"data={SAMPLE}"]
        got = f"an unknown one (did you mean {elsewhere!r} of {' or '.join(owners)}?)"
        return InputError(key, expected=expected, got=got, fix=f"choose {owners[0]} with it")
    return InputError(key, expected=expected, got="an unknown one", fix=all_keys)


def taken_keys(command: str, overrides: Sequence[str] = ()) -> list[str]:
    """Return the keys that a command takes with the choices made: its groups and what holds values.

    Args:
        command: A file in conf/.
        overrides: The command line. Only choices of groups matter, and only those that exist.
    """
    # Imported here, as composing reports its own errors by this module.
    from churn_torch.cli.compose import compose_with_choices

    groups = GROUPS & known_keys(command).keys()
    choices = [o for o in overrides if o.partition("=")[0] in (*groups, "hydra.searchpath")]
    if choices == list(overrides):  # they are what cannot be composed
        choices = []
    if any(override.startswith("specification=") for override in overrides):
        choices.append("events=template")  # which has every key that the file may have
    try:
        config, made = compose_with_choices(command, choices)
    except InputError:  # an unknown choice has an error of its own
        config, made = compose_with_choices(command)
    named = [group for group in made if "/" not in group and "@" not in group and group != "recipe"]
    # The sample is a table with a target of its own: see `check_sample`.
    return [*named, *(k for k in _leaves(config) if k != SOURCE or made.get("data") != SAMPLE)]


def check_sample(overrides: Sequence[str], choices: Mapping[str, str | None]) -> None:
    """Refuse a table of the user's own beside the choices that are made for the sample.

    Args:
        overrides: The command line.
        choices: The option of each group.

    Raises:
        InputError: ``data.source`` is set and data=telco is chosen.
    """
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        of_ones_own = key == SOURCE and not value.strip("\"'").startswith("sample:")
        if of_ones_own and choices.get("data") == SAMPLE:
            raise InputError(
                SOURCE,
                expected="data=table beside it",
                got=f"data={SAMPLE}, whose target and labels are those of the shipped sample",
                fix=f"add data=table (data=table data.source={value} data.target=COLUMN)",
            )


def _leaves(config: DictConfig) -> list[str]:
    """Return the dotted keys of values, those of few parts first."""
    found: list[str] = []

    def collect(content: Any, above: str) -> None:
        for key, value in content.items():
            if str(key).startswith("_"):
                continue
            if isinstance(value, dict) and value:
                collect(value, f"{above}{key}.")
            else:
                found.append(f"{above}{key}")

    collect(OmegaConf.to_container(config), "")
    return sorted(found, key=lambda key: key.count("."))


def known_keys(command: str = "train") -> dict[str, list[str]]:
    """Return every dotted key that a command can have, each with the choices that define it.

    Args:
        command: A file in conf/. Keys of its own belong to no choice and have an empty list.
    """
    keys: dict[str, list[str]] = {}

    def collect(node: Any, prefix: str, choices: list[str]) -> None:
        for key, value in node.items() if isinstance(node, dict) else ():
            keys.setdefault(f"{prefix}{key}", []).extend(choices)
            collect(value, f"{prefix}{key}.", choices)

    for primary in ("train", "tune") if command == "tune" else (command,):
        content: Any = OmegaConf.to_container(OmegaConf.load(CONF / f"{primary}.yaml"))
        groups = [name for entry in content.pop("defaults", []) if isinstance(entry, dict)
                  for name in entry if not name.startswith("override")]  # fmt: skip
        content.pop("hydra", None)
        collect(content, "", [])
        for group in groups:
            keys.setdefault(group, [])
            for file in sorted((CONF / group).glob("*.yaml")):
                # They set the keys of others, repeat those of data=table, or are a page alone.
                apart = group in ("debug", "experiment", "events") or file.stem == "events"
                if not apart:
                    option: Any = OmegaConf.to_container(OmegaConf.load(file))
                    option.pop("defaults", None)
                    collect(option, f"{group}.", [f"{group}={file.stem}"])
    return keys


def right_key(written: str, taken: Sequence[str]) -> str | None:
    """Return the key that a user most likely meant, of those that are taken; None for none."""
    if not written:
        return None
    plain = {_plain(key): key for key in reversed(taken)}
    if _plain(written) in plain:  # max-epochs, MODEL
        return plain[_plain(written)]
    head, _, column = written.removeprefix("data.").partition(".")
    if of_columns := _by_other_name(head, _OF_COLUMNS & set(taken)) if column else None:
        return f"{of_columns}.{column}"  # kinds.tenure
    group, _, last = written.rpartition(".")
    other = _by_other_name(written, taken)
    beside = [key for key in taken if group and key.rpartition(".")[0] == group]
    for alike in (
        [key for key in taken if key.endswith(f".{written}")],  # split.test
        [key for key in taken if _plain(key.rpartition(".")[2]) == _plain(last)],
        difflib.get_close_matches(written, beside, n=1, cutoff=0.9),  # export.dtypes
        [other] if other else [],
        [key for key in taken if len(written) > 2 and key.startswith(written)],
    ):
        if alike:
            return alike[0]
    if {_plain(written), _plain(last)} & OTHER_NAMES.keys():
        return None  # what it is known by is no misspelt name of another
    if near := difflib.get_close_matches(written, taken, n=1, cutoff=0.75):
        return near[0]
    ends = {key.rpartition(".")[2]: key for key in reversed(taken)}  # what people remember
    if near := difflib.get_close_matches(last, ends, n=1, cutoff=0.75):
        return ends[near[0]]
    misspelt = difflib.get_close_matches(_plain(last), OTHER_NAMES, n=1, cutoff=0.85)
    return _by_other_name(misspelt[0], taken) if misspelt else None


def _by_other_name(written: str, taken: Iterable[str]) -> str | None:
    """Return the key that has this name elsewhere, as a whole or in its last part."""
    taken = set(taken)
    for name in (written, written.rpartition(".")[2]):
        for key in OTHER_NAMES.get(_plain(name).replace(".", ""), ()):
            if key in taken:
                return key
    return None


def _plain(key: str) -> str:
    return key.lower().replace("-", "").replace("_", "")


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the key or choice nearest to ``name``, or ``""``."""
    right = right_key(name, list(candidates))
    return f" (did you mean {right!r}?)" if right else ""
