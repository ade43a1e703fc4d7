#!/usr/bin/env bash
# Makes .venv (the platform) and .venv-serving (the model servers) exactly as the locks say.
# Says nothing and does nothing when nothing has changed since.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 3
}

stamp_now() {
    {
        pwd
        cat requirements/*.txt setup.cfg setup.py pyproject.toml infra/setup.sh
    } | sha256sum | cut -d' ' -f1
}

find_python() {
    local name without_venv=""
    for name in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
        [ -n "$name" ] || continue
        "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        if "$name" -c 'import ensurepip, venv' 2>/dev/null; then
            echo "$name"
            return
        fi
        without_venv=$name
    done
    [ -z "$without_venv" ] || fail \
        "$without_venv cannot make virtual environments: expected its venv module, found none" \
        "  what to do: apt-get install python3-venv, then run make again"
    fail "expected Python 3.11 or newer (python3.11, python3.12, python3.13 or python3), found none" \
        "  what to do: install one, or name it: make setup PYTHON=/path/to/python3"
}

# Runs a command whose output matters only when it fails.
quietly() {
    local log
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        rm -f "$log"
        fail "failed: $*"
    fi
    rm -f "$log"
}

stamp=$(stamp_now)
if [ -x .venv/bin/acgs ] && [ -x .venv-serving/bin/python ] &&
    [ "$(cat .venv/.stamp 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi

# Without a home that can be written to, downloads are kept in the clone.
if [ ! -w "${HOME:-/nonexistent}" ]; then
    export HOME="$PWD/.cache/home"
    mkdir -p "$HOME"
fi

rm -f .venv/.stamp
if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$(find_python)
    echo "setup: making .venv with $("$python" --version)"
    rm -rf .venv
    quietly "$python" -m venv .venv
fi
# A clone that was moved has scripts that point to where it was: always through python -m.
if ! .venv/bin/python -m uv --version >/dev/null 2>&1; then
    .venv/bin/python -m pip --version >/dev/null 2>&1 || quietly .venv/bin/python -m ensurepip
    quietly .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
        --require-hashes -r requirements/bootstrap.txt
fi
uv=(.venv/bin/python -m uv --no-config --quiet --no-python-downloads)
# Compiled here, once: a confined model server cannot keep what it compiles at its start.
export UV_COMPILE_BYTECODE=1

echo "setup: installing the platform into .venv"
quietly "${uv[@]}" pip sync --python .venv/bin/python --require-hashes \
    requirements/bootstrap.txt requirements/platform.txt requirements/dev.txt
quietly "${uv[@]}" pip install --python .venv/bin/python --no-deps --no-build-isolation \
    --offline --editable .
# The build leaves it here, where `python -m` finds it before the installed one, stale or not.
rm -rf acgs_mlops.egg-info

echo "setup: installing the model servers' environment into .venv-serving"
if ! .venv-serving/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    rm -rf .venv-serving
    quietly "${uv[@]}" venv --python .venv/bin/python .venv-serving
fi
# sync installs what the lock lists and asks nobody's metadata: seldon-core's numpy pin is
# overridden on purpose.
quietly "${uv[@]}" pip sync --python .venv-serving/bin/python --require-hashes \
    requirements/serving.txt

echo "setup: making the template of new databases"
quietly .venv/bin/python -P -m infra.stores.template

echo "$stamp" >.venv/.stamp
echo "setup: done"
