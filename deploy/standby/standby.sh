#!/bin/sh
# On the standby, as the account that PostgreSQL runs under.
#
#   standby.sh create    a copy of the primary in PGDATA (which must not exist), ready to be started;
#                        QM_PRIMARY_HOST, QM_PRIMARY_PORT and QM_STANDBY_PASSWORD (environment)
#   standby.sh promote   the primary is gone and will not come back: take over
set -eu
: "${PGDATA:?}"
run() { program=$1; shift; "${PGBIN:+$PGBIN/}$program" "$@"; }

case "${1:-}" in
create)
    : "${QM_PRIMARY_HOST:?}" "${QM_STANDBY_PASSWORD:?}"
    umask 077
    PGPASSWORD=$QM_STANDBY_PASSWORD run pg_basebackup --pgdata "$PGDATA" --write-recovery-conf \
        --slot qm_standby --wal-method stream --checkpoint fast \
        --dbname "host=$QM_PRIMARY_HOST port=${QM_PRIMARY_PORT:-5432} user=qm_standby application_name=qm_standby"
    ;;
promote)
    # The commits of the new primary wait for nobody until it has a standby of its own.
    run pg_ctl --pgdata "$PGDATA" --wait --timeout 60 promote
    sed -i '/^synchronous_standby_names/d' "$PGDATA/postgresql.auto.conf"
    run pg_ctl --pgdata "$PGDATA" reload
    ;;
*)
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
