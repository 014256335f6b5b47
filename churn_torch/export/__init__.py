"""From torch to an ONNX file, and the packages around it."""
