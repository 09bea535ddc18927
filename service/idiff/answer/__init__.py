"""The verdict: an ONNX ensemble of person and scene specialists, equal vote."""

import os

# Before ONNX Runtime is imported, which else keeps a database of events in the home folder, to be sent.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
