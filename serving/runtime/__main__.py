"""Runs `python -m serving.runtime`. Exit codes: 0 after SIGTERM, 1 the model did not load, 2 wrong
usage, 3 the port is taken.
"""

from __future__ import annotations

import gc
import logging
import os
import sys

from serving.runtime.options import Options, parse


def main() -> int:
    """Run one model server until SIGTERM."""
    options = parse()
    _prepare_environment(options)
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if options.ready_file is not None:
        options.ready_file.unlink(missing_ok=True)

    from serving.runtime.server import bind, serve

    try:
        bound = bind(options)
    except OSError as err:
        print(
            f"serving.runtime: cannot listen on {options.host}:{options.port}: {err.strerror}; "
            "stop what uses it, or pass --port 0",
            file=sys.stderr,
        )
        return 3
    # Heavy imports come after the cheap checks.
    from serving.runtime.app import App
    from serving.runtime.model import LoadError, load

    try:
        model = load(options.model_path)
    except LoadError as err:
        print(f"serving.runtime: {err}", file=sys.stderr)
        return 1
    model.warm_up()
    # Objects that exist now live for ever: the collector need not visit them again.
    gc.collect()
    gc.freeze()
    app = App(model, options.identity, options.threads, options.stuck_after_seconds)
    serve(app, bound, options)
    return 0


def _prepare_environment(options: Options) -> None:
    """Set the environment that libraries read when they are imported."""
    identity = options.identity
    os.environ |= {
        # As Seldon's operator sets them; seldon-core fills meta.requestPath from the first two.
        "PREDICTIVE_UNIT_ID": identity.model_name,
        "PREDICTIVE_UNIT_IMAGE": f"{identity.model_name}:{identity.model_version}",
        "PREDICTOR_ID": identity.predictor,
        "SELDON_DEPLOYMENT_ID": identity.deployment,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        # The folder has been scanned and its digest compared before this process started.
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true",
        # A model that asks for several jobs uses one thread: the confinement allows no process.
        "JOBLIB_MULTIPROCESSING": "0",
    }
    # One replica is one process; a thread pool in each would make replicas fight for cores.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # A prediction that never returns would keep its thread, and so the process, alive.
    os._exit(code)
