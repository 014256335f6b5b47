"""How often one line stands in a file, counted in a pass over its bytes that is made anyway."""

from __future__ import annotations

import re

_MARK = b"\xef\xbb\xbf"  # of UTF-8, which each of several exports put end to end may start with
_FEWEST_BYTES = 3


class LineCounter:
    """Counts the lines of a file that are equal to a given one.

    A search for the whole line costs next to nothing; only blocks that hold it are looked at again.

    Args:
        line: The bytes of the line, without its end; one of fewer than three bytes, which is no
            header of two names, is not counted.
    """

    def __init__(self, line: bytes) -> None:
        self.line = line.removeprefix(_MARK)
        self.n = 0
        self._whole = re.compile(rb"[\r\n](?:%b)?%b(?=[\r\n])" % (_MARK, re.escape(self.line)))
        self._keep = len(self.line) + len(_MARK) + 1
        self._rest = b"\n"  # a file starts with a line

    def update(self, block: bytes) -> None:
        """Look at the next bytes."""
        if len(self.line) < _FEWEST_BYTES:
            return
        seam = self._rest + block[: self._keep]
        if self.line in block or self.line in seam:
            ends = (match.end() for match in self._whole.finditer(self._rest + block))
            # The end of the line is new; otherwise it was counted before.
            self.n += sum(end >= len(self._rest) for end in ends)
        self._rest = (self._rest + block[-self._keep :])[-self._keep :]

    def finish(self) -> None:
        """Look at the last line, which need not end."""
        self.update(b"\n")
