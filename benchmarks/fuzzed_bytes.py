"""Bytes of a file changed, cut out, put in, repeated, inflated or cut off."""

from __future__ import annotations

import random
import struct

_BYTES = [b'"', b",", b";", b"\n", b"\r", b"\x00", b"\xff", b"{", b"]", b"#", b"\xef\xbb\xbf", b"'"]
# Sizes that a reader must not believe, as integers of several widths are written.
_HUGE = [
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x7f\xff\xff\xff",
    struct.pack("<Q", 1 << 40),
    struct.pack("<q", -1),
    struct.pack("<I", 1 << 30),
    struct.pack(">I", 1 << 30),
    b"\x80\x80\x80\x80\x80\x40",  # a number of variable length, as in Parquet and ORC
    b"\xfe\xff\xff\xff\x0f",
]


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Return the content with bytes changed, cut out, put in, repeated, inflated or cut off."""
    data = bytearray(content)
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2, 5, 20])):
        # Half of them near an end: formats keep their sizes and places in heads and footers.
        near = rng.choice([0, 0, -1, 1])
        start = max(0, len(data) - 600) if near == 1 else 0
        at = rng.randrange(start, (min(len(data), 200) if near == -1 else len(data)) + 1)
        end = min(len(data), at + rng.choice([1, 1, 4, 30]))
        what = rng.choice(["set", "flip", "cut", "put", "repeat", "inflate", "end"])
        if what == "set" and at < len(data):
            data[at] = rng.randrange(256)
        elif what == "flip" and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif what == "cut":
            del data[at:end]
        elif what == "put":
            data[at:at] = rng.choice(_BYTES)
        elif what == "repeat":
            data[at:at] = data[at:end] * rng.choice([1, 3])
        elif what == "inflate":
            huge = rng.choice(_HUGE)
            data[at : at + len(huge)] = huge
        elif what == "end" and rng.random() < 0.2:
            del data[at:]
    return bytes(data)
