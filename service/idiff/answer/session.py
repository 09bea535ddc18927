"""One ONNX graph on the required execution provider."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from idiff.config import Provider
from idiff.errors import ProviderRefused, ReleaseRefused

PROVIDERS: Final[dict[Provider, str]] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}

Tensor = NDArray[np.float32]
Shape = tuple[int | None, ...]
"""Extents of a tensor; None where any number is taken."""


FAILURES: Final = 3
"""Calls that failed one after another: a session that has died, not an accident."""


class Session:
    """A loaded graph. Thread-safe; one intra-op thread, since graphs run beside each other."""

    def __init__(self, name: str, graph: bytes, provider: Provider) -> None:
        """Load `graph`.

        Raises:
            ReleaseRefused: ONNX Runtime cannot load the graph.
            ProviderRefused: it has not got the provider, or would run the graph on another one; it falls back to the
                CPU without an error otherwise.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # The arena keeps the largest working set of every graph for ever; plain allocations cost about a per cent.
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        wanted = PROVIDERS[provider]
        if wanted not in (there := ort.get_available_providers()):
            raise ProviderRefused(f"{name}: {wanted} is required; this ONNX Runtime has {', '.join(there)}")
        if provider in ("cuda", "tensorrt"):
            ort.preload_dlls()  # CUDA's libraries come from PyPI, where the dynamic loader does not look
        try:
            self._session = ort.InferenceSession(graph, options, providers=[wanted])
        except Exception as error:  # ONNX Runtime's exceptions share no public base
            raise ReleaseRefused(f"{name}: ONNX Runtime cannot load it: {error}") from error
        self._failures = 0
        self.provider: str = self._session.get_providers()[0]
        if self.provider != wanted:
            raise ProviderRefused(f"{name}: would run on {self.provider}, but {wanted} is required")
        self.inputs: dict[str, Shape]
        self.outputs: dict[str, Shape]
        self.inputs, self.outputs = (
            {
                tensor.name: tuple(extent if isinstance(extent, int) else None for extent in tensor.shape)
                for tensor in side
            }
            for side in (self._session.get_inputs(), self._session.get_outputs())
        )

    def __call__(self, **inputs: Tensor) -> Tensor:
        """Run the graph on named float32 inputs; its first output."""
        return self._run(inputs)[0]

    def everything(self, **inputs: Tensor) -> dict[str, Tensor]:
        """Run the graph on named float32 inputs; its outputs by name."""
        return dict(zip(self.outputs, self._run(inputs), strict=True))

    def _run(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        try:
            outputs: list[Tensor] = self._session.run(None, inputs)
        except Exception:  # ONNX Runtime's exceptions share no public base
            self._failures += 1
            raise
        self._failures = 0
        return outputs

    @property
    def dead(self) -> bool:
        """Whether its last calls all failed."""
        return self._failures >= FAILURES


def agree(name: str, what: str, found: Mapping[str, Shape], wanted: Mapping[str, Shape]) -> None:
    """Hold the tensors of a graph's `what`, its input or its output, to those wanted.

    Raises:
        ReleaseRefused: they are others; the message says which, of the graph `name`.
    """
    if found != wanted:
        raise ReleaseRefused(f"{name}: its {what} is {_text(found)}; the manifest asks for {_text(wanted)}")


def _text(tensors: Mapping[str, Shape]) -> str:
    return ", ".join(
        f"{name} ({', '.join('n' if extent is None else str(extent) for extent in shape)})"
        for name, shape in tensors.items()
    )
