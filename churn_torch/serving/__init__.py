"""How the model leaves the house: the ONNX file, the proof that it agrees, scoring with it."""
