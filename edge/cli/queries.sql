-- name: device_names
-- Paired devices that begin so, for completion.
SELECT name, CASE WHEN revoked_at IS NULL THEN 'paired' ELSE 'revoked' END FROM device
WHERE substr(name, 1, length(:begins)) = :begins ORDER BY revoked_at IS NOT NULL, name LIMIT :limit

-- name: task_names
-- Tasks that begin so, those that are open first.
SELECT code, kind || ', ' || status FROM task
WHERE substr(code, 1, length(:begins)) = :begins
ORDER BY status NOT IN ('open', 'started'), code LIMIT :limit

-- name: exception_names
-- Exceptions that begin so, those that are open first.
SELECT name, about FROM exception WHERE substr(name, 1, length(:begins)) = :begins
ORDER BY resolved_at IS NOT NULL, raised_at DESC LIMIT :limit

-- name: devices
-- Devices and who is signed in there; those in force first.
SELECT device.name, device.added_at, device.revoked_at, person.name, person.role, signed_in.since
FROM device
LEFT JOIN signed_in ON signed_in.device = device.name AND signed_in.ended IS NULL
LEFT JOIN person ON person.code = signed_in.person
ORDER BY device.revoked_at IS NOT NULL, device.name LIMIT ?

-- name: newest_waiting
-- The last events that wait.
SELECT body FROM waiting ORDER BY seq DESC LIMIT ?

-- name: newest_segments
-- The last that were sealed.
SELECT body FROM segment ORDER BY epoch DESC, first_seq DESC LIMIT ?

-- name: oldest_waiting
-- The first event that waits.
SELECT body FROM waiting ORDER BY seq LIMIT 1

-- name: sealed_at
-- When a segment was sealed.
SELECT sealed_at FROM segment WHERE epoch = ? AND first_seq = ?

-- name: open_work
-- What is open: tasks, those of them that are overdue, exceptions, decisions since a moment.
SELECT (SELECT count(*) FROM task WHERE status IN ('open', 'started')),
       (SELECT count(*) FROM task WHERE status IN ('open', 'started') AND due_at BETWEEN 1 AND :now),
       (SELECT count(*) FROM exception WHERE resolved_at IS NULL),
       (SELECT count(*) FROM decision WHERE taken_at >= :since)

-- name: received
-- When each document in force came.
SELECT kind, received_at FROM document

-- name: people_known
-- Who is to be left out of what is sent away.
SELECT code, name FROM person

-- name: table_bytes
-- How large each table and index is, with all its pages.
SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC
