"""The graph of an ONNX file, read off its bytes: a server has onnxruntime, but not onnx.

An ONNX file is the protobuf message ModelProto. Only the fields that `safe_graph` and `graph_facts`
look at are read; their numbers are those of onnx.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

FLOAT, INT64 = 1, 7
_EXTERNAL = 1
_SIZES = {1: 8, 5: 4}  # bytes of a field, by its wire type
_LONGEST_SHAPE = 8 << 10  # bytes
# The messages of a file, and the fields and packed numbers of a message. A file has some ten
# messages a column, a vocabulary of a million words as many fields. Empty ones take two bytes each.
MOST_PARTS = 2_000_000
_Fields = dict[int, list["int | memoryview"]]


@dataclass(frozen=True)
class Tensor:
    """A constant.

    Attributes:
        type: `FLOAT`, `INT64` or the number of another type.
        is_external: Its cells are in another file.
        cells: Of a tensor of `INT64` that can be a shape, or the only one of a tensor of `FLOAT`;
            else none.
    """

    name: str
    type: int
    is_external: bool
    cells: tuple[float, ...]


@dataclass(frozen=True)
class Attribute:
    """What an operator is told besides its inputs."""

    ints: tuple[int, ...]
    strings: tuple[str, ...]
    tensors: tuple[Tensor, ...]
    graphs: tuple[Graph, ...]
    has_sparse: bool


@dataclass(frozen=True)
class Node:
    """An operator with the names of what it reads and makes."""

    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """Operators and constants."""

    nodes: tuple[Node, ...]
    constants: tuple[Tensor, ...]
    doc: str
    has_sparse: bool


@dataclass(frozen=True)
class Model:
    """An ONNX file.

    Attributes:
        graph: The graph.
        domains: The sets of operators that it names.
        has_functions: It has operators of its own, or a graph for training.
    """

    graph: Graph
    domains: tuple[str, ...]
    has_functions: bool


def read_model(content: bytes) -> Model:
    """Read an ONNX file.

    Raises:
        ValueError: It is cut short, has far more parts than a graph needs, or is no such file.
        RecursionError: Graphs are nested without end.
    """
    if content[4:8] == b"ORTM":  # onnxruntime would read it as a format of its own
        raise ValueError("it is no ONNX file")
    parser = _Parser()
    fields = parser.fields(memoryview(content))  # parts of it, no copies: a file may have 2 GB
    return Model(
        graph=parser.graph(_merged(fields, 7)),
        domains=tuple(_text(parser.fields(opset), 1) for opset in _messages(fields, 8)),
        has_functions=not fields.keys().isdisjoint({20, 25}),
    )


class _Parser:
    """Reads the messages of one file, and counts them."""

    def __init__(self) -> None:
        self._left = MOST_PARTS

    def fields(self, content: memoryview) -> _Fields:
        """Return the fields of one message."""
        self._left -= 1
        if self._left < 0:
            raise _too_many()
        return _fields(content)

    def graph(self, content: memoryview) -> Graph:
        fields = self.fields(content)
        return Graph(
            nodes=tuple(map(self.node, _messages(fields, 1))),
            constants=tuple(map(self.tensor, _messages(fields, 5))),
            doc=_text(fields, 10),
            has_sparse=15 in fields,
        )

    def node(self, content: memoryview) -> Node:
        fields = self.fields(content)
        attributes = [self.fields(message) for message in _messages(fields, 5)]
        return Node(
            operator=_text(fields, 4),
            domain=_text(fields, 7),
            inputs=tuple(_decoded(name) for name in _messages(fields, 1)),
            outputs=tuple(_decoded(name) for name in _messages(fields, 2)),
            attributes={_text(one, 1): self.attribute(one) for one in attributes},
        )

    def attribute(self, fields: _Fields) -> Attribute:
        return Attribute(
            ints=tuple(_integers(fields, 8)),
            strings=tuple(_decoded(text) for text in _messages(fields, 9)),
            tensors=tuple(map(self.tensor, [_merged(fields, 5), *_messages(fields, 10)])),
            graphs=tuple(map(self.graph, [_merged(fields, 6), *_messages(fields, 11)])),
            has_sparse=not fields.keys().isdisjoint({22, 23}),
        )

    def tensor(self, content: memoryview) -> Tensor:
        fields = self.fields(content)
        kind, raw = [0, *_integers(fields, 2)][-1], _merged(fields, 9)
        cells: tuple[float, ...] = ()
        if kind == INT64 and len(raw) <= _LONGEST_SHAPE:
            cells = tuple(_integers(fields, 7)) or struct.unpack(f"<{len(raw) // 8}q", _cut(raw, 8))
        elif kind == FLOAT and (raw := raw or _merged(fields, 4)) and len(raw) == 4:
            cells = struct.unpack("<f", raw)
        return Tensor(
            name=_text(fields, 8),
            type=kind,
            is_external=_EXTERNAL in _integers(fields, 14) or 13 in fields,
            cells=cells,
        )


def _too_many() -> ValueError:
    return ValueError(f"it has more than {MOST_PARTS:,} parts")


def _cut(raw: memoryview, size: int) -> memoryview:
    return raw[: len(raw) // size * size]


def _fields(content: memoryview) -> _Fields:
    """Return the values of a message by the number of their field: integers, or parts of it."""
    found: _Fields = {}
    at = n_fields = 0
    while at < len(content):
        n_fields += 1
        if n_fields > MOST_PARTS:
            raise _too_many()
        tag, at = _varint(content, at)
        number, wire = tag >> 3, tag & 7
        value: int | memoryview
        if wire == 0:
            value, at = _varint(content, at)
        else:
            size = _SIZES.get(wire, 0)
            if wire == 2:
                size, at = _varint(content, at)
            elif not size:
                raise ValueError("it is no ONNX file")
            value, at = content[at : at + size], at + size
        if at > len(content):
            raise ValueError("the file is cut short")
        found.setdefault(number, []).append(value)
    return found


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(content) and shift < 70:
        byte = content[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at
    raise ValueError("the file is cut short")


def _messages(fields: _Fields, number: int) -> list[memoryview]:
    return [value for value in fields.get(number, ()) if isinstance(value, memoryview)]


def _merged(fields: _Fields, number: int) -> memoryview:
    """Return a message; protobuf takes several of a field that is no list for parts of one."""
    parts = _messages(fields, number)
    return parts[0] if len(parts) == 1 else memoryview(b"".join(parts))


def _integers(fields: _Fields, number: int) -> Iterator[int]:
    """Yield signed integers, each in a field of its own or many packed into one."""
    for value in fields.get(number, ()):
        at = n_packed = 0
        while isinstance(value, memoryview) and at < len(value):
            n_packed += 1
            if n_packed > MOST_PARTS:
                raise _too_many()
            one, at = _varint(value, at)
            yield one - (one >> 63 << 64)
        if isinstance(value, int):
            yield value - (value >> 63 << 64)


def _text(fields: _Fields, number: int) -> str:
    return _decoded(next(reversed(_messages(fields, number)), memoryview(b"")))


def _decoded(text: memoryview) -> str:
    return str(text, errors="replace")
