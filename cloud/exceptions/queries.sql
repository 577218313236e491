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
