"""Use of an ONNX file without torch: open it, score tables with it, serve it over HTTP."""
