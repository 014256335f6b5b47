"""The help of a command: every key with its value and the comment that stands beside it in conf/.

The files in conf/ are read as text, because YAML readers drop comments.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from churn_torch.cli import error_messages
from churn_torch.cli.arguments import asks_for_help
from churn_torch.cli.commands import COMMANDS
from churn_torch.cli.compose import compose_with_choices
from churn_torch.cli.keys import known_keys, nearest
from churn_torch.errors import InputError

WIDTH = 80
MARGIN = 30  # where the comments start
# Comments at this column or beyond continue the comment of the key above them.
CONTINUED = 16
KEY = re.compile(
    r"(?P<indent> *)(?P<key>[\w.]+):(?: +(?P<value>[^#\s].*?))?(?: +# (?P<comment>.*))?"
)
CHOICE = re.compile(r" +- (\w+): *(\S+?)(?: +# (.*))?")


@dataclass
class Entry:
    """A key of a file in conf/, or a paragraph between keys.

    Attributes:
        key: Dotted, as seen from its file; empty for a paragraph.
        value: As written; empty where keys lie below it.
        comment: What stands beside or directly above it.
        gap: An empty line stands above it.
    """

    key: str
    value: str = ""
    comment: str = ""
    gap: bool = False


@dataclass
class ConfigFile:
    """What a file in conf/ says.

    Attributes:
        title: The first paragraph of the comment that it starts with.
        examples: The paragraphs below the title, as they stand.
        choices: Its defaults list: group, option and comment.
        entries: Its keys, but for Hydra's own.
    """

    title: str = ""
    examples: str = ""
    choices: list[Entry] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


def read_config_file(path: Path) -> ConfigFile:
    """Read the keys and comments of a file in conf/."""
    lines = path.read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if not line.startswith("# @package")]
    n_header = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    header = "\n".join(line[1:].removeprefix(" ") for line in lines[:n_header])
    title, _, examples = header.partition("\n\n")
    content = ConfigFile(title=" ".join(title.split()), examples=examples.rstrip())
    parents: list[tuple[int, str]] = []  # indentation and name of the keys around the present one
    above: list[str] = []  # comment lines that belong to the next key
    gap = True
    for line in lines[n_header:]:
        text = line.strip()
        if line.startswith("hydra:"):
            break
        if choice := CHOICE.fullmatch(line):
            content.choices.append(Entry(choice[1], choice[2], choice[3] or ""))
        elif not text:
            if above:
                content.entries.append(Entry("", comment=" ".join(above), gap=gap))
            above, gap = [], True
        elif text.startswith("#"):
            comment = text[1:].strip()
            if line.index("#") >= CONTINUED and content.entries and not above:
                content.entries[-1].comment += f" {comment}"
            else:
                above.append(comment)
        elif (key := KEY.fullmatch(line)) and key[2] != "defaults":
            indent = len(key[1])
            parents = [*(p for p in parents if p[0] < indent), (indent, key[2])]
            comment = ". ".join(part for part in (key[4], " ".join(above)) if part)
            dotted = ".".join(name for _, name in parents)
            content.entries.append(Entry(dotted, key[3] or "", comment, gap))
            above, gap = [], False
    return content


def list_commands() -> str:
    """Return the help of the program: every command with a sentence."""
    titles = {name: read_config_file(_conf() / f"{name}.yaml").title for name in COMMANDS}
    lines = [_columns(f"  {name}", title, margin=12) for name, title in titles.items()]
    return "\n".join(
        [
            "Usage: churn-torch COMMAND [KEY=VALUE ...]\n",
            *lines,
            "\nchurn-torch COMMAND --help     every key of a command, with its default",
            "churn-torch COMMAND help=KEY   one key, or all options of a group (help=model)",
            "churn-torch --version",
            "\nA folder of your own YAML files is added with --config-dir DIR.",
        ]
    )


def help_topic(arguments: Sequence[str]) -> str | None:
    """Return what help is asked for: ``""`` for the whole command, None for no help."""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        if asks_for_help(argument):
            return "" if "=" in following or following.startswith("-") else following
        if argument.startswith(("help=", "--help=")):
            return argument.partition("=")[2]
    return None


def command_help(name: str, topic: str, arguments: Sequence[str]) -> str:
    """Return the help of a command.

    Args:
        name: The command.
        topic: A group or a key; ``""`` for everything.
        arguments: The command line: values that it sets are shown as set.

    Raises:
        InputError: There is no such topic, or the command line cannot be composed.
    """
    overrides = [a for a in arguments if "=" in a and not a.startswith(("-", "help=", "hydra."))]
    config, choices = compose_with_choices(name, overrides)
    primary = read_config_file(_conf() / f"{name}.yaml")
    options = {choice.key: choices.get(choice.key) for choice in primary.choices}
    if topic in options:
        return "\n\n".join(_group(topic, primary, options[topic], config))
    if topic:
        return _key(name, topic, primary, options, config)
    blocks = [f"{primary.title}\n\n{primary.examples}"]
    if options:
        blocks.append(_heading("Choices: GROUP=OPTION; help=GROUP explains the options of one"))
        blocks += [
            _columns(f"  {choice.key}={options[choice.key] or 'null'}", choice.comment)
            for choice in primary.choices
        ]
        blocks[1:] = ["\n".join(blocks[1:])]
    blocks.append("\n".join([_heading(f"Keys of {name}"), *_keys(primary, config, "")]))
    for group, option in options.items():
        path = _conf() / group / f"{option}.yaml"
        if path.exists() and group not in ("debug", "experiment"):
            file = _with_inherited(path)
            heading = _heading(f"{group}={option}: {file.title}")
            blocks.append("\n".join([heading, *_keys(file, config, f"{group}.")]))
    return "\n\n".join(blocks)


def _conf() -> Path:
    return error_messages.CONF


def _with_inherited(path: Path) -> ConfigFile:
    """Read a file and the keys of the files in its folder that it takes over."""
    file = read_config_file(path)
    for name in OmegaConf.select(OmegaConf.load(path), "defaults") or []:
        if isinstance(name, str) and name != "_self_" and "/" not in name:
            file.entries = _with_inherited(path.with_name(f"{name}.yaml")).entries
    return file


def _group(
    topic: str, primary: ConfigFile, chosen: str | None, config: DictConfig
) -> Iterator[str]:
    comment = next(choice.comment for choice in primary.choices if choice.key == topic)
    yield textwrap.fill(f"{topic}: {comment}", WIDTH, subsequent_indent="  ")
    for path in sorted((_conf() / topic).glob("*.yaml")):
        file = _with_inherited(path)
        chosen_here = path.stem == chosen
        heading = _heading(f"{topic}={path.stem}: {file.title}{' (chosen)' * chosen_here}")
        values = config if chosen_here else OmegaConf.create()
        yield "\n".join([heading, *_keys(file, values, f"{topic}.")])


def _key(
    name: str, topic: str, primary: ConfigFile, options: dict[str, str | None], config: DictConfig
) -> str:
    files = [(primary, "")]
    for group, option in options.items():
        if (path := _conf() / group / f"{option}.yaml").exists():
            files.append((_with_inherited(path), f"{group}."))
    for file, prefix in files:
        below = [e for e in file.entries if f"{prefix}{e.key}.".startswith(f"{topic}.")]
        if below:
            return "\n".join(_keys(ConfigFile(entries=below), config, prefix))
    keys = [*options, *known_keys(name)]
    raise InputError(
        f"help={topic}",
        expected=f"a group or a key of {name} with the choices made",
        got=f"{topic!r}{nearest(topic, keys)}",
        fix="--help lists all",
    )


def _keys(file: ConfigFile, config: DictConfig, prefix: str) -> Iterator[str]:
    """Yield the lines of a file's keys, each with the value that it has now."""
    for number, entry in enumerate(file.entries):
        if entry.key == "_target_":
            continue
        lead = "\n" if entry.gap and number else ""
        if not entry.key:
            yield lead + textwrap.fill(entry.comment, WIDTH, initial_indent="  ",
                                       subsequent_indent="  ")  # fmt: skip
            continue
        dotted = f"{prefix}{entry.key}"
        if entry.value:
            value = OmegaConf.select(config, dotted, default=OmegaConf.create())
            written = entry.value if value == OmegaConf.create() else _as_typed(value)
            yield lead + _columns(_within_width(f"  {dotted}={written}"), entry.comment)
        else:
            yield lead + _columns(f"  {dotted}:", entry.comment)


def _within_width(line: str) -> str:
    """Break a list that is too long for a line after one of its commas."""
    cut = line.rfind(",", 0, WIDTH) + 1
    if len(line) <= WIDTH or not cut:
        return line
    return f"{line[:cut]}\n{' ' * (line.index('=') + 2)}{line[cut:]}"


def _as_typed(value: Any) -> str:
    """Return a value as one would type it on the command line."""
    if OmegaConf.is_list(value):
        return f"[{','.join(map(_as_typed, value))}]"
    if OmegaConf.is_dict(value):
        return f"{{{', '.join(f'{key}: {_as_typed(each)}' for key, each in value.items())}}}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _heading(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="  ")


def _columns(left: str, right: str, margin: int = MARGIN) -> str:
    """Return a key and its comment side by side, the comment folded."""
    lines = textwrap.wrap(right.strip(), WIDTH - margin, break_on_hyphens=False) or [""]
    if len(left) > margin - 2:
        return "\n".join([left, *(f"{'':{margin}}{line}" for line in lines if line)])
    first = f"{left:{margin}}{lines[0]}".rstrip()
    return "\n".join([first, *(f"{'':{margin}}{line}" for line in lines[1:])])
