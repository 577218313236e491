-- name: signed_in
-- Who is signed in where, and how.
SELECT signed_in.device, person.name, person.role, signed_in.since,
       signed_in.proven_at IS NOT NULL
FROM signed_in JOIN person ON person.code = signed_in.person
WHERE signed_in.ended IS NULL ORDER BY signed_in.device

-- name: last_answers
-- The last requests that were accepted and what they were answered, the newest first.
SELECT id, answer FROM answered ORDER BY rowid DESC LIMIT ?

-- name: glance
-- What waits for somebody: open exceptions, open tasks and the late ones, who is at work where.
SELECT (SELECT count(*) FROM exception WHERE resolution IS NULL),
       (SELECT count(*) FROM task WHERE status IN ('open', 'started')),
       (SELECT count(*) FROM task
        WHERE status IN ('open', 'started') AND due_at > 0 AND due_at < :now),
       (SELECT count(DISTINCT person) FROM signed_in
        WHERE ended IS NULL AND device NOT LIKE :console),
       (SELECT count(*) FROM device WHERE revoked_at IS NULL)
