#!/bin/sh
# One encrypted backup of the whole database.
#
#   backup.sh FILE
#
# Which database: PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD or PGPASSFILE, as for psql. For whom:
# QM_BACKUP_RECIPIENT, a key in the GnuPG keyring (this machine then cannot read its own backups), or
# QM_BACKUP_KEY_FILE, a file with one long random line, kept elsewhere than the backups.
#
# What pg_dump writes never lies on a disk in the clear. FILE appears when it is complete.
set -eu
file=${1:?a file to write}
umask 077
# gpg's agent listens on a socket in here, and a socket's path has at most 108 bytes.
here=$(mktemp -d /tmp/quartermaster.XXXXXX)
home=${GNUPGHOME:-}
finish() {
    [ -n "$home" ] || gpgconf --homedir "$here" --kill all
    rm -rf "$here" "$file.part"
}
trap finish EXIT
if [ -n "${QM_BACKUP_RECIPIENT:-}" ]; then
    set -- --encrypt --recipient "$QM_BACKUP_RECIPIENT"
    home=kept
else
    : "${QM_BACKUP_KEY_FILE:?or QM_BACKUP_RECIPIENT}"
    [ "$(head -n 1 "$QM_BACKUP_KEY_FILE" | wc -c)" -ge 32 ] || { echo "The key is too short." >&2; exit 1; }
    home=
    export GNUPGHOME="$here"
    set -- --symmetric --pinentry-mode loopback --passphrase-file "$QM_BACKUP_KEY_FILE"
fi
{
    "${PGBIN:+$PGBIN/}pg_dump" --format custom --compress 6 --no-owner && : >"$here/complete"
} | gpg --batch --quiet --no-tty --cipher-algo AES256 --compress-algo none --output "$file.part" "$@"
[ -e "$here/complete" ] || { echo "pg_dump failed: nothing was kept." >&2; exit 1; }
sync "$file.part"
mv "$file.part" "$file"
