"""Lets PyPI's torchvision, a CUDA build, be imported beside a torch built for the CPU.

Its compiled operators need CUDA's libraries and stay unloaded, but its Python code registers fake kernels for two of
them and fails if their schemas are unknown. So the schemas are defined just before torchvision is first imported; image
transforms are pure torch and need none of the operators. Loaded at start by a .pth file, it imports torch only then.
"""

import sys

OPERATORS = ("nms", "qnms")
SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class DefineSchemas:
    """An import hook that finds nothing itself; it only notices that torchvision is being looked for."""

    library = None

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> None:
        """Define the schemas once, where torch has no CUDA."""
        if name != "torchvision" or cls.library is not None:
            return
        import torch

        if torch.version.cuda is None:
            cls.library = torch.library.Library("torchvision", "FRAGMENT")
            for operator in OPERATORS:
                cls.library.define(operator + SCHEMA)


sys.meta_path.insert(0, DefineSchemas)
