#!/usr/bin/env bash
# Installs the Debian packages that Quartermaster stands on; does nothing when they are there.
# mosquitto is started by Quartermaster itself, never as the distribution's service.
set -euo pipefail

codename=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}")
missing=()

need() { # need PACKAGE FILE...: the package is missing when none of the files exists
    local package=$1 file
    shift
    for file in "$@"; do
        if [ -e "$file" ]; then return; fi
    done
    missing+=("$package")
}

need mosquitto /usr/sbin/mosquitto
need gnupg /usr/bin/gpg-agent # encrypts backups
need chromium /usr/bin/chromium # the pages are tested in it
if ! command -v npm >/dev/null; then
    missing+=(npm) # brings the pages' packages
fi
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    missing+=(python3-venv)
fi
if [ -z "${QM_DATABASE_URL:-}" ]; then
    if [ "$codename" = trixie ]; then
        need postgresql-17-timescaledb /usr/share/postgresql/17/extension/timescaledb.control
    else
        need debootstrap /usr/sbin/debootstrap
    fi
fi

if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "These are missing and apt-get is not here to install them: ${missing[*]}" >&2
    echo "Install mosquitto (2.0.11 or newer) and Python's venv with your system's own means, and" >&2
    echo "point QM_DATABASE_URL at a PostgreSQL with TimescaleDB." >&2
    exit 1
fi

root=()
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        root=(sudo -n)
    elif command -v sudo >/dev/null && [ -t 0 ]; then
        root=(sudo)
    else
        echo "Run this as root, then try again:" >&2
        echo "    apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
fi

# Debian starts a package's service on installation; ours run under their own configuration only.
policy=/usr/sbin/policy-rc.d
ours=
if [ ! -e "$policy" ]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
    "${root[@]}" chmod 0755 "$policy"
fi
cleanup() { if [ -n "$ours" ]; then "${root[@]}" rm -f "$policy"; fi; }
trap cleanup EXIT

echo "Installing: ${missing[*]}"
"${root[@]}" apt-get update -q
"${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}"
