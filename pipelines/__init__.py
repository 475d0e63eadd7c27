"""Jobs and commands. Importing any of them settles first how many threads libraries may start,
which these read when they are loaded.
"""

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    # The language model's matrices are so small that a second thread costs more than it gives:
    # twice the CPU for the same wall time.
    # Worker processes inherit it.
    os.environ.setdefault(_variable, "1")
# Arrow's own pool keeps much of what it has freed; the C library's gives it back (see
# transforms/execution/memory.py).
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
