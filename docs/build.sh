#!/usr/bin/env bash
# Builds the site into docs/_build/html, with the environment .venv, made if
# need be. Warnings are errors, and the examples in the pages run.
# PYTHON names the interpreter to make the environment with.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv
python=.venv/bin/python
export PYTHONPATH='' PIP_DISABLE_PIP_VERSION_CHECK=1

"$python" -m pip install --quiet . -r docs/requirements.txt
exec "$python" -m docs.build
