-- name: lock_mappings
-- Savers wait for one another, so that versions ascend without gaps.
SELECT pg_advisory_xact_lock(hashtext('column_mapping'));

-- name: mapping
-- A mapping as it stands (version null), or as a version had it.
SELECT name, version, definition, saved_at, saved_by FROM column_mapping
WHERE name = %(name)s AND (%(version)s::int IS NULL OR version = %(version)s)
ORDER BY version DESC LIMIT 1;

-- name: mappings
-- A page of the mappings that stand, by name.
SELECT m.name, m.version, m.definition, m.saved_at, m.saved_by
FROM column_mapping AS m
WHERE m.version = (SELECT max(n.version) FROM column_mapping AS n WHERE n.name = m.name)
  AND m.definition IS NOT NULL
  AND (%(kind)s::text IS NULL OR m.definition ->> 'kind' = %(kind)s)
  AND (%(after)s::text IS NULL OR m.name > %(after)s)
ORDER BY m.name LIMIT %(limit)s;

-- name: insert_mapping
-- The next version of a mapping; no definition takes it out of use.
INSERT INTO column_mapping (name, version, definition, saved_at, saved_by)
SELECT %(name)s, coalesce(max(version), 0) + 1, %(definition)s::jsonb, %(at)s, %(by)s
FROM column_mapping WHERE name = %(name)s
RETURNING version;
