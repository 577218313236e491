-- name: raise
-- Opens a case, or counts it once more while it is open. The newest detail stands.
INSERT INTO exception (code, subject, site_id, detail, raised_at, last_at)
VALUES (%(code)s, %(subject)s, %(site_id)s, %(detail)s,
        to_timestamp(%(at)s::numeric / 1000000), to_timestamp(%(at)s::numeric / 1000000))
ON CONFLICT (code, subject) WHERE closed_at IS NULL DO UPDATE
SET times = exception.times + 1, detail = excluded.detail, last_at = excluded.last_at;

-- name: open_cases
-- Open cases, newest first.
SELECT exception_id, code, subject, site_id, detail, times,
       (extract(epoch FROM raised_at) * 1000000)::bigint,
       (extract(epoch FROM last_at) * 1000000)::bigint
FROM exception
WHERE closed_at IS NULL
ORDER BY last_at DESC, exception_id DESC
LIMIT %(limit)s;

-- name: cases
-- Cases, the one raised last first, before a key.
SELECT e.exception_id, e.code, e.subject, e.site_id, e.detail, e.times,
       (extract(epoch FROM e.raised_at) * 1000000)::bigint,
       (extract(epoch FROM e.last_at) * 1000000)::bigint, s.code,
       (extract(epoch FROM e.closed_at) * 1000000)::bigint, e.closed_by, e.closed_reason
FROM exception e LEFT JOIN site s USING (site_id)
WHERE (%(sites)s::int[] IS NULL OR e.site_id = ANY(%(sites)s::int[]))
  AND (%(site)s::text IS NULL OR s.code = %(site)s)
  AND (%(code)s::text IS NULL OR e.code = %(code)s)
  AND (%(subject)s::text IS NULL OR e.subject = %(subject)s)
  AND (%(closed)s::boolean IS NULL OR (e.closed_at IS NOT NULL) = %(closed)s)
  AND (%(after)s::bigint IS NULL OR e.exception_id < %(after)s)
ORDER BY e.exception_id DESC
LIMIT %(limit)s;

-- name: case
-- One case.
SELECT e.exception_id, e.code, e.subject, e.site_id, e.detail, e.times,
       (extract(epoch FROM e.raised_at) * 1000000)::bigint,
       (extract(epoch FROM e.last_at) * 1000000)::bigint, s.code,
       (extract(epoch FROM e.closed_at) * 1000000)::bigint, e.closed_by, e.closed_reason
FROM exception e LEFT JOIN site s USING (site_id)
WHERE e.exception_id = %(exception_id)s;

-- name: hold_case
-- Lets one person at a time decide about a case.
SELECT FROM exception WHERE exception_id = %(exception_id)s FOR UPDATE;

-- name: earlier
-- Cases with the same code about the same thing that were closed before this one, newest first.
SELECT e.exception_id, e.code, e.subject, e.site_id, e.detail, e.times,
       (extract(epoch FROM e.raised_at) * 1000000)::bigint,
       (extract(epoch FROM e.last_at) * 1000000)::bigint, s.code,
       (extract(epoch FROM e.closed_at) * 1000000)::bigint, e.closed_by, e.closed_reason
FROM exception e LEFT JOIN site s USING (site_id)
WHERE e.code = %(code)s AND e.subject = %(subject)s AND e.exception_id < %(exception_id)s
  AND e.closed_at IS NOT NULL
ORDER BY e.exception_id DESC
LIMIT %(limit)s;

-- name: close
-- Closes an open case.
UPDATE exception
SET closed_at = to_timestamp(%(at)s::numeric / 1000000), closed_by = %(by)s,
    closed_reason = %(reason)s
WHERE exception_id = %(exception_id)s AND closed_at IS NULL;
