"""A model repository for Triton, and so for KServe, around the ONNX file.

Source of the format: Triton's "Model Configuration" and its ``model_config.proto``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from churn_torch.serving.session import open_session

NAME = "churn"
# The paths in the repository that Triton expects.
MODEL = f"{NAME}/1/model.onnx"
CONFIG = f"{NAME}/config.pbtxt"

TYPES = {
    "tensor(float)": "TYPE_FP32",
    "tensor(double)": "TYPE_FP64",
    "tensor(int64)": "TYPE_INT64",
    "tensor(string)": "TYPE_STRING",
}

# A row takes microseconds: requests wait a tenth of a millisecond to be batched, and a second
# thread would cost more than it gains.
HEAD = f"""\
name: "{NAME}"
platform: "onnxruntime_onnx"
backend: "onnxruntime"
max_batch_size: 1024
dynamic_batching {{ max_queue_delay_microseconds: 100 }}
instance_group [ {{ kind: KIND_CPU count: 2 }} ]
parameters {{ key: "intra_op_thread_count" value {{ string_value: "1" }} }}
"""


def config(model: bytes | str | Path) -> str:
    """Return the configuration of a file: its names, types and dimensions, and how to batch.

    Triton adds the dimension of the rows itself, so no ``dims`` holds it.

    Raises:
        InputError: The file cannot be opened.
    """
    session = open_session(model)
    inputs = [_tensor("input", value) for value in session.get_inputs()]
    outputs = [_tensor("output", value) for value in session.get_outputs()]
    return "".join([HEAD, *inputs, *outputs])


def _tensor(field: str, value: Any) -> str:
    # Triton has no empty dims: an output of shape [N] in the file is [N, 1] for its clients.
    # A list of any length, as a column of sequences has, is a dimension of -1.
    dims, reshape = [d if isinstance(d, int) else -1 for d in value.shape[1:]], ""
    if not dims:
        dims, reshape = [1], "  reshape { shape: [ ] }\n"
    name = json.dumps(value.name, ensure_ascii=False)  # protobuf text uses the same escapes
    return (
        f"{field} {{\n"
        f"  name: {name}\n"
        f"  data_type: {TYPES[value.type]}\n"
        f"  dims: {dims}\n"
        f"{reshape}}}\n"
    )
