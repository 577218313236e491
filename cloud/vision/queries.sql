-- name: insert_candidate
-- A candidate; the same bytes again are the one that is there.
INSERT INTO head_candidate (head, backbone, backbone_sha256, classes, dimensions, sha256, model,
                            labels, metrics, seed, forced, labels_through, made_at)
VALUES (%(head)s, %(backbone)s, %(backbone_sha256)s, %(classes)s, %(dimensions)s, %(sha256)s,
        %(model)s, %(labels)s, %(metrics)s, %(seed)s, %(forced)s,
        to_timestamp(%(labels_through)s / 1e6), to_timestamp(%(now)s / 1e6))
ON CONFLICT (head, sha256) DO NOTHING;

-- name: candidates
-- Candidates, newest first.
SELECT candidate_id, head, backbone, backbone_sha256, classes, dimensions, sha256, labels, metrics,
       seed, forced, (extract(epoch FROM labels_through) * 1000000)::bigint,
       (extract(epoch FROM made_at) * 1000000)::bigint
FROM head_candidate
WHERE (%(candidate_id)s::int IS NULL OR candidate_id = %(candidate_id)s)
  AND (%(sha256)s::bytea IS NULL OR (head, sha256) = (%(head)s, %(sha256)s))
ORDER BY candidate_id DESC LIMIT %(limit)s;

-- name: candidate_model
-- Its bytes.
SELECT model FROM head_candidate WHERE candidate_id = %(candidate_id)s;
