"""One ONNX graph on the required execution provider."""

from typing import Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from idiff.config import Provider
from idiff.errors import ReleaseRefused

PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

Tensor = NDArray[np.float32]


class Session:
    """A loaded graph with one output. Thread-safe; one intra-op thread, since graphs run beside each other."""

    def __init__(self, name: str, graph: bytes, provider: Provider) -> None:
        """Load `graph`.

        Raises:
            ReleaseRefused: ONNX Runtime cannot load the graph, or would run it on another provider; it falls back to
                the CPU without an error otherwise.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # The arena keeps the largest working set of every graph for ever; plain allocations cost about a per cent.
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        wanted = PROVIDERS[provider]
        if provider == "cuda":
            ort.preload_dlls()  # CUDA's libraries come from PyPI, where the dynamic loader does not look
        try:
            self._session = ort.InferenceSession(graph, options, providers=[wanted])
        except Exception as error:  # ONNX Runtime's exceptions share no public base
            raise ReleaseRefused(f"{name}: ONNX Runtime cannot load it: {error}") from error
        self.provider: str = self._session.get_providers()[0]
        if self.provider != wanted:
            raise ReleaseRefused(f"{name}: would run on {self.provider}, but {wanted} is required")
        self.inputs, self.outputs = (
            {
                tensor.name: tuple(extent if isinstance(extent, int) else None for extent in tensor.shape)
                for tensor in side
            }
            for side in (self._session.get_inputs(), self._session.get_outputs())
        )
        """Shapes by name; None where any number is taken."""

    def __call__(self, **inputs: Tensor) -> Tensor:
        """Run the graph on named float32 inputs."""
        output: Tensor = self._session.run(None, inputs)[0]
        return output
