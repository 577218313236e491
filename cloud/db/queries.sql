-- name: has_migration_table
-- One row where the migration runner has been here before.
SELECT 1 WHERE to_regclass('_yoyo_migration') IS NOT NULL;

-- name: applied_migrations
-- The ids of the migrations that this database has.
SELECT migration_id FROM _yoyo_migration;
