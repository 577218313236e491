#!/usr/bin/env bash
# Makes the virtual environment from the lock: virtual-environment.sh PYTHON FOLDER
# Every file is checked against its hash; the project itself is installed editable, without
# fetching anything that the lock does not name.
set -euo pipefail

python=$1
folder=$2

"$python" - <<'PYTHON' || exit 1
import sys
if sys.version_info < (3, 11):
    sys.exit(f"Quartermaster needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}")
PYTHON

if ! [ -x "$folder/bin/python" ]; then
    rm -rf "$folder"
    "$python" -m venv "$folder"
fi
"$folder/bin/python" -m pip install --quiet --require-hashes -r requirements.lock
"$folder/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .
