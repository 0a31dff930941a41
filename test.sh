#!/usr/bin/env bash
# Tests the fork in a virtual environment of its own, .venv.
#   bash test.sh        the change, graft, the install and Keras, in minutes
#   bash test.sh all    everything: TensorFlow, PyTorch, releases, the site
#   bash test.sh FILE   the project's tests in FILE, with ALL=1 all of them
# Installs again only if the fork or the requirements have changed.
# PYTHON names the interpreter for the environment.
set -euo pipefail
cd "$(dirname "$0")"

wanted=requirements
[ "${1:-}" != all ] || export ALL=1
[ -z "${ALL:-}" ] || wanted=requirements-all
python=.venv/bin/python
export PYTHONPATH='' PIP_DISABLE_PIP_VERSION_CHECK=1

hash=$(find optax graft setup.py pyproject.toml {tests,docs}/requirements*.txt \
  -type f -not -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum | sha256sum)
if [ "$(cat ".venv/$wanted" 2> /dev/null)" != "$hash" ]; then
  [ -x $python ] || "${PYTHON:-python3}" -m venv .venv
  rm -f .venv/requirements*
  # Python compiles a module when it is first imported; most never are.
  $python -m pip install --quiet --no-compile . -r "tests/$wanted.txt"
  $python -m pip check
  # The release as published, so that no test has to download it.
  $python -c 'from graft import release; release.fetched()'
  # The requirements of `all` include the others.
  tee ".venv/$wanted" .venv/requirements > /dev/null <<< "$hash"
fi

failed=()
run() { $python -m "$@" || failed+=("$*"); }
# Classes run in the order of their files, and not the largest first: some with
# few tests are slow, and a core would be idle if they came last.
run_tests() {
  XLA_FLAGS=$($python -m tests.xla_flags) \
    run pytest -n 2 --dist loadscope --no-loadscope-reorder "$@"
}

case "${1:-}" in
  '')
    own=$($python -c 'from tests.upstream import suite; print(suite.own_tests())')
    run tests.upstream optax._src.{transform,alias,utils}_test "-k$own"
    export RAN_TOO='the tests in the diff'
    run_tests -m 'not slow' tests/upstream/unchanged_test.py \
      tests/{docs,examples,porting,install,graft,formula,wrappers}
    ;;
  all)
    run tests.upstream
    export RAN_TOO="upstream's whole suite"
    run_tests
    ;;
  *) run_tests "$@" ;;
esac
if [ ${#failed[@]} -gt 0 ]; then
  printf 'failed: %s\n' "${failed[@]}"
  exit 1
fi
