"""The help is what stands in conf/: every key is explained there, and shown here."""

from __future__ import annotations

import re

import pytest

from churn_torch.cli.commands import COMMANDS
from churn_torch.cli.error_messages import CONF
from churn_torch.cli.help import command_help, help_topic, list_commands, read_config_file
from churn_torch.errors import InputError

# They set keys that other files explain.
PRESETS = {"debug", "experiment", "recipe"}
FILES = [path for path in sorted(CONF.rglob("*.yaml")) if path.parent.name not in PRESETS]

SOURCE = """\
# @package _global_
# A title
# of two lines.
#
#   an example

defaults:
  - other
  - group: option         # first, second
  - _self_

seed: 0                   # where chance starts
# Above it
both: [a, b]              # and beside it
section:                  # what lies below
  key: null               # one line
                          # and another

# A paragraph on its own.

  last: "# no comment"
hydra:
  job: {name: x}          # Hydra's own
"""


def test_comments_are_read_with_their_keys(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text(SOURCE)
    file = read_config_file(path)
    assert file.title == "A title of two lines."
    assert file.examples == "  an example"
    assert [(c.key, c.value, c.comment) for c in file.choices] == [
        ("group", "option", "first, second")
    ]
    assert [(e.key, e.value, e.comment, e.gap) for e in file.entries] == [
        ("seed", "0", "where chance starts", True),
        ("both", "[a, b]", "and beside it. Above it", False),
        ("section", "", "what lies below", False),
        ("section.key", "null", "one line and another", False),
        ("", "", "A paragraph on its own.", True),
        ("section.last", '"# no comment"', "", True),
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CONF)))
def test_every_key_is_explained(path):
    file = read_config_file(path)
    assert len(file.title) > 15
    explained = [e.key for e in file.entries if e.comment]
    unexplained = [
        entry.key
        for entry in file.entries
        if not entry.comment
        and entry.key != "_target_"
        and not entry.key.startswith("space.")  # the keys of others, with their limits
        and not any(key.startswith(f"{entry.key}.") for key in explained)
        # A file that starts from another, which explains its keys.
        and not re.search(r"^  - \w+$", path.read_text().replace("_self_", "- -"), re.MULTILINE)
    ]
    assert unexplained == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_every_key_in_80_columns(name):
    text = command_help(name, "", ["--help"])
    file = read_config_file(CONF / f"{name}.yaml")
    assert text.startswith(file.title)
    for entry in file.entries:
        if entry.key:
            assert re.search(rf"^  {re.escape(entry.key)}[=:]", text, re.MULTILINE)
    body = text[len(f"{file.title}\n\n{file.examples}") :]
    assert max(map(len, body.splitlines())) <= 80


def test_values_are_those_of_the_command_line():
    text = command_help("train", "", ["model=mlp", "optimizer.betas=[0.5,0.9]", "--help"])
    assert "model.width=128" in text
    assert "optimizer.lr=0.006" in text  # what suits this model
    assert "optimizer.betas=[0.5,0.9]" in text
    assert "scheduler=none: The learning rate" in text
    assert "data.database=null" in text
    assert "data.source=sample:telco      CSV" not in text  # longer than its column
    assert re.search(r"data\.source=sample:telco +CSV", text)


def test_a_group_shows_all_its_options():
    text = command_help("train", "optimizer", ["model=scorecard"])
    headings = re.findall(r"^optimizer=(\w+):", text, re.MULTILINE)
    assert headings == ["adam", "adamw", "auto", "lbfgs", "newton", "sgd"]
    assert text.count("(chosen)") == 1
    newton = text[text.index("optimizer=newton") : text.index("optimizer=sgd")]
    assert "(chosen)" in newton
    assert "optimizer.lr=0.003 " in text  # as written, in an option that is not chosen
    inherited = command_help("train", "trainer", [])
    assert inherited.count("trainer.precision=") == 4


def test_a_key_shows_itself_and_what_lies_below():
    assert command_help("train", "penalty.l1", []).startswith("  penalty.l1=0.0  ")
    text = command_help("train", "penalty", ["penalty.l2=7"])
    assert re.findall(r"^  (\S+)", text, re.MULTILINE)[:2] == ["penalty:", "penalty.l2=7"]
    assert "  model.dropout=0.3" in command_help("train", "model.dropout", ["model=mlp"])


def test_a_topic_that_is_none():
    with pytest.raises(InputError, match=r"^help=penaly: .*did you mean 'penalty'"):
        command_help("train", "penaly", [])
    with pytest.raises(InputError, match=r"^model: expected one of .*got 'mpl'"):
        command_help("train", "", ["model=mpl", "--help"])


@pytest.mark.parametrize(
    ("arguments", "topic"),
    [
        ([], None),
        (["model=mlp"], None),
        (["--help"], ""),
        (["model=mlp", "-h"], ""),
        (["--help", "model=mlp"], ""),
        (["--help", "optimizer"], "optimizer"),
        (["model=mlp", "help=penalty.l2"], "penalty.l2"),
        (["--hydra-help"], None),
    ],
)
def test_topics(arguments, topic):
    assert help_topic(arguments) == topic


def test_commands_are_listed_with_a_sentence():
    lines = list_commands().splitlines()
    for name in COMMANDS:
        (line,) = (line for line in lines if line.startswith(f"  {name} "))
        assert len(line.split()) > 4
    assert max(map(len, lines)) <= 80
