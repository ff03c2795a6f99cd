"""torchvision's networks, also where its compiled operators were built for another torch (CUDA, or CPU only).

The networks need none of these; but importing torchvision wants `nms` and `qnms` to be declared.
"""

import warnings
from types import ModuleType

from torch import library

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    try:
        import torchvision
    except RuntimeError:
        _declared = library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            _declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision

models: ModuleType = torchvision.models
