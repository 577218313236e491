-- name: signed_in
-- Who is signed in where, and how.
SELECT signed_in.device, person.name, person.role, signed_in.since,
       signed_in.proven_at IS NOT NULL
FROM signed_in JOIN person ON person.code = signed_in.person
WHERE signed_in.ended IS NULL ORDER BY signed_in.device

-- name: last_answers
-- The last requests that were accepted and what they were answered, the newest first.
SELECT id, answer FROM answered ORDER BY rowid DESC LIMIT ?
