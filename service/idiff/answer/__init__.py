"""The verdict: an ONNX ensemble of person and scene specialists, equal vote."""
