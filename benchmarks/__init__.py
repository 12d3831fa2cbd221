"""Benchmarks: ratios side by side, results checked in the same run. See docs/benchmarks.md."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Before NumPy is imported: its products use one thread, so that ratios do not depend on cores.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

# A checkout is measured, whether it is installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
