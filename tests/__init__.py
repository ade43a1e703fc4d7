"""Tests of the platform.

Imported before any library that calculates: each reads here how many threads it may have. Workers
share the machine as replicas do, and have one each as those have (`serving/runtime/__main__.py`):
more would spend their time waiting for each other.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
# Nor are these small models worth joblib's processes, which outlive the test that used them.
os.environ.setdefault("JOBLIB_MULTIPROCESSING", "0")
