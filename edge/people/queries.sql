-- name: clear_people
-- A document replaces everybody.
DELETE FROM person

-- name: clear_badges
-- A document replaces everybody's badges.
DELETE FROM badge

-- name: put_person
-- Somebody who works here.
INSERT INTO person (code, name, role, secret) VALUES (?, ?, ?, ?)

-- name: put_badge
-- Whose badge this is.
INSERT INTO badge (sha256, person) VALUES (?, ?)

-- name: person
-- Somebody by code.
SELECT code, name, role, secret FROM person WHERE code = ?

-- name: by_badge
-- Somebody by what the badge says.
SELECT person.code, person.name, person.role, person.secret
FROM badge JOIN person ON person.code = badge.person WHERE badge.sha256 = ?

-- name: secrets_shown
-- The secrets that were shown by those who are signed in.
SELECT DISTINCT person.code, person.secret
FROM signed_in JOIN person ON person.code = signed_in.person
WHERE signed_in.proven_at IS NOT NULL

-- name: signed_in
-- Who is signed in at a device; nobody whom the document in force does not know.
SELECT person.code, person.name, person.role, signed_in.since, signed_in.proven_at
FROM signed_in JOIN person ON person.code = signed_in.person
WHERE signed_in.device = ? AND signed_in.ended IS NULL

-- name: sessions
-- All who signed in, by device, and whether the document in force knows them.
SELECT signed_in.device, signed_in.person, signed_in.since, signed_in.proven_at,
       person.code IS NOT NULL, coalesce(signed_in.ended, '')
FROM signed_in LEFT JOIN person ON person.code = signed_in.person ORDER BY signed_in.device

-- name: sign_in
-- One person per device: who comes takes the place of who was there.
INSERT INTO signed_in (device, person, since, proven_at) VALUES (?, ?, ?, ?)
ON CONFLICT (device) DO UPDATE
SET person = excluded.person, since = excluded.since, proven_at = excluded.proven_at, ended = NULL

-- name: sign_out
-- Whoever is there.
DELETE FROM signed_in WHERE device = ?

-- name: leave
-- Nobody is there any more; an event will say so.
UPDATE signed_in SET ended = ? WHERE device = ? AND ended IS NULL

-- name: end_session
-- This session, and none that has begun since.
DELETE FROM signed_in WHERE device = ? AND person = ? AND since = ?

-- name: end_later_sessions
-- Those that began in what the clock now calls the future: it runs backwards, nobody knows how long
-- they have lasted.
DELETE FROM signed_in WHERE since > ?

-- name: unprove_before
-- What was shown too long ago.
UPDATE signed_in SET proven_at = NULL WHERE proven_at < ?

-- name: unprove
-- The secret is another one now.
UPDATE signed_in SET proven_at = NULL WHERE person = ?

-- name: tries
-- Wrong tries, and when the last one was.
SELECT tries, last_at FROM wrong_try WHERE who = ?

-- name: count_try
-- One more; it is taken back when it turns out right.
INSERT INTO wrong_try (who, tries, last_at) VALUES (?, 1, ?)
ON CONFLICT (who) DO UPDATE SET tries = tries + 1, last_at = excluded.last_at

-- name: forget_tries
-- It was right in the end.
DELETE FROM wrong_try WHERE who = ?

-- name: forget_tries_before
-- Long ago.
DELETE FROM wrong_try WHERE last_at < ?

-- name: tries_not_later
-- The clock runs backwards: nobody waits for a moment that was never reached.
UPDATE wrong_try SET last_at = ? WHERE last_at > ?
