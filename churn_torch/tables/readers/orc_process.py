"""A program: writes an ORC file as a stream of Arrow, in a process of its own.

Arguments: the path, and how many bytes of memory and of disk it may take. Arrow's reader of ORC
trusts places and sizes that a damaged file gives. It imports nothing of the package.
"""

from __future__ import annotations

import sys

import pyarrow.ipc as pa_ipc
import pyarrow.orc as pa_orc


def main(path: str, limit: str) -> None:
    """Write the table, a stripe at a time."""
    if sys.platform != "win32":
        import resource

        for kind in (resource.RLIMIT_DATA, resource.RLIMIT_FSIZE):
            resource.setrlimit(kind, (int(limit), int(limit)))
    file = pa_orc.ORCFile(path)
    schema = file.schema.remove_metadata()  # notes of other programs
    list(schema.names)  # which may be no text
    with pa_ipc.new_stream(sys.stdout.buffer, schema) as writer:
        for i in range(file.nstripes):
            batch = file.read_stripe(i).replace_schema_metadata(None)
            batch.validate(full=True)
            writer.write_batch(batch)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except BaseException as error:  # errors of Arrow and of Python
        message = str(error).strip() or type(error).__name__
        sys.exit(message.splitlines()[0])
