#!/bin/sh
# A backup into a fresh, empty database: all of it, or nothing.
#
#   restore.sh FILE
#
# Which database: PGHOST, PGPORT, PGUSER, PGDATABASE (it exists and is empty), PGPASSWORD or
# PGPASSFILE. QM_BACKUP_KEY_FILE, or the recipient's secret key in the GnuPG keyring.
#
# The backup is read to its end first: one that was altered or cut short is refused before anything
# of it is restored. Afterwards raise QM_GENERATION: see deploy/runbooks/restore.md.
set -eu
file=${1:?a file to read}
umask 077
# gpg's agent listens on a socket in here, and a socket's path has at most 108 bytes.
here=$(mktemp -d /tmp/quartermaster.XXXXXX)
home=kept
finish() {
    [ -n "$home" ] || gpgconf --homedir "$here" --kill all
    rm -rf "$here"
}
trap finish EXIT
set --
if [ -n "${QM_BACKUP_KEY_FILE:-}" ]; then
    home=
    export GNUPGHOME="$here"
    set -- --pinentry-mode loopback --passphrase-file "$QM_BACKUP_KEY_FILE"
fi
clear() { gpg --batch --quiet --no-tty "$@" --decrypt "$file"; }
sql() { "${PGBIN:+$PGBIN/}psql" -X -q -A -t -v ON_ERROR_STOP=1 -c "$1"; }

clear "$@" >/dev/null || { echo "This backup is damaged, or the key is another: nothing was restored." >&2; exit 1; }
if [ "$(sql "SELECT count(*) FROM pg_class c JOIN pg_namespace n
    ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')")" != 0 ]; then
    echo "The database is not empty: nothing was restored." >&2
    exit 1
fi
timescale=$(sql "SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'")
if [ "$timescale" = 1 ]; then
    sql "CREATE EXTENSION IF NOT EXISTS timescaledb" >/dev/null
    sql "SELECT timescaledb_pre_restore()" >/dev/null
fi
clear "$@" | "${PGBIN:+$PGBIN/}pg_restore" --no-owner --no-privileges \
    --single-transaction --exit-on-error --dbname "$PGDATABASE"
if [ "$timescale" = 1 ]; then
    sql "SELECT timescaledb_post_restore()" >/dev/null
fi
# Backups of before 0017 have nothing to open; migrating them does it.
if [ "$(sql "SELECT to_regproc('open_to_api') IS NOT NULL")" = t ]; then
    sql "SELECT open_to_api()" >/dev/null
fi
sql "ANALYZE" >/dev/null
