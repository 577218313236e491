#!/bin/sh
# On the primary, as the database's superuser. Where and who: PGHOST, PGPORT, PGUSER, PGPASSWORD or
# PGPASSFILE, as for psql.
#
#   primary.sh prepare   a role and a slot for one standby; asks for QM_STANDBY_PASSWORD (environment)
#   primary.sh require   from now on a commit returns when the standby has it on disk
#   primary.sh release   the standby is gone for long: commits no longer wait for it
#   primary.sh status    what the standby has
set -eu
: "${PGUSER:=postgres}" "${PGDATABASE:=postgres}"
export PGUSER PGDATABASE
sql() { "${PGBIN:+$PGBIN/}psql" -X -q -v ON_ERROR_STOP=1 "$@"; }

case "${1:-}" in
prepare)
    : "${QM_STANDBY_PASSWORD:?}"
    # The password goes to psql by its environment and standard input, never on a command line.
    sql >/dev/null <<'SQL'
\getenv password QM_STANDBY_PASSWORD
SELECT 'CREATE ROLE qm_standby REPLICATION LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'qm_standby') \gexec
ALTER ROLE qm_standby PASSWORD :'password';
SELECT pg_create_physical_replication_slot('qm_standby', true)
WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'qm_standby');
SQL
    # A standby that is away for long must not fill the primary's disk.
    sql -c "ALTER SYSTEM SET max_slot_wal_keep_size = '16GB'"
    sql -c "SELECT pg_reload_conf()" >/dev/null
    ;;
require)
    sql -c "ALTER SYSTEM SET synchronous_standby_names = 'qm_standby'"
    sql -c "ALTER SYSTEM SET synchronous_commit = 'on'"
    sql -c "SELECT pg_reload_conf()" >/dev/null
    ;;
release)
    sql -c "ALTER SYSTEM RESET synchronous_standby_names"
    sql -c "SELECT pg_reload_conf()" >/dev/null
    ;;
status)
    sql -c "SELECT application_name, state, sync_state, flush_lsn,
                   pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn) AS bytes_behind
            FROM pg_stat_replication"
    ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
