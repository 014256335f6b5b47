"""The ONNX file behind HTTP."""
