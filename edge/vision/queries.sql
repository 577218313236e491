-- name: put_slot
-- A slot as it was drawn last.
INSERT INTO slot (camera, name, location, polygon, reference, shows, drawn_by, drawn_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (camera, name) DO UPDATE
SET location = excluded.location, polygon = excluded.polygon, reference = excluded.reference,
    shows = excluded.shows, drawn_by = excluded.drawn_by, drawn_at = excluded.drawn_at

-- name: slots_of
-- The slots of a camera.
SELECT camera, name, location, polygon, reference, shows, drawn_by, drawn_at
FROM slot WHERE camera = ? ORDER BY name

-- name: other_slots
-- How many slots a camera has beside one.
SELECT count(*) FROM slot WHERE camera = ? AND name <> ?

-- name: remove_slot
-- Nobody looks there any more.
DELETE FROM slot WHERE camera = ? AND name = ?

-- name: keep_crop
-- A crop that waits for a person's word; the same picture again changes nothing.
INSERT INTO crop (id, camera, zone, about, frame_at, head, predicted, confidence, classes, embedding,
                  backbone, backbone_sha256, image, image_sha256, turn, kept_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)
ON CONFLICT DO NOTHING

-- name: crop_alike
-- Whether one of the same thing, from about the same time, waits already.
SELECT 1 FROM crop WHERE camera = ? AND head = ? AND about = ? AND frame_at > ? LIMIT 1

-- name: crops
-- Those that are next; skipped ones last.
SELECT id, camera, zone, about, frame_at, head, predicted, confidence, classes, kept_at
FROM crop ORDER BY turn, kept_at, id LIMIT ?

-- name: crop
-- What a person's word on one becomes an event with.
SELECT camera, zone, frame_at, head, predicted, confidence, classes, embedding, backbone,
       backbone_sha256, image_sha256
FROM crop WHERE id = ?

-- name: crop_image
-- Its picture, and what that was.
SELECT image, image_sha256 FROM crop WHERE id = ?

-- name: crops_held
-- How many wait, and how many bytes their pictures have.
SELECT count(*), coalesce(sum(length(image)), 0) FROM crop

-- name: oldest_crop
-- Which has to go first for want of room: it has waited longest, whoever skipped it.
SELECT id FROM crop ORDER BY kept_at, id LIMIT 1

-- name: remove_crop
-- Labelled, or thrown away.
DELETE FROM crop WHERE id = ?

-- name: remove_old_crops
-- Nobody has said anything in time.
DELETE FROM crop WHERE id IN (SELECT id FROM crop WHERE kept_at < ? ORDER BY kept_at LIMIT ?)

-- name: skip_crop
-- Behind all others.
UPDATE crop SET turn = (SELECT max(turn) + 1 FROM crop) WHERE id = ?

-- name: shadows
-- The pairs that are compared; the first columns are as the event has them.
SELECT head, version, sha256, candidate, candidate_sha256, since, compared, agreed, labelled,
       active_right, candidate_right, told_compared, told_labelled, told_at
FROM shadow ORDER BY head

-- name: put_shadow
-- A pair from now on.
INSERT INTO shadow (head, version, sha256, candidate, candidate_sha256, since, told_at, compared,
                    agreed, labelled, active_right, candidate_right, told_compared, told_labelled)
VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, 0)

-- name: remove_shadow
-- One of the two is no longer there.
DELETE FROM shadow WHERE head = ?

-- name: add_compared
-- What a worker compared since it last told.
UPDATE shadow SET compared = compared + ?, agreed = agreed + ?
WHERE head = ? AND sha256 = ? AND candidate_sha256 = ?

-- name: add_labelled
-- A person's word, and which of the two had said so.
UPDATE shadow
SET labelled = labelled + 1, active_right = active_right + ?, candidate_right = candidate_right + ?
WHERE head = ? AND sha256 = ? AND candidate_sha256 = ?

-- name: shadow_told
-- As far as this the cloud was told.
UPDATE shadow SET told_compared = ?, told_labelled = ?, told_at = ? WHERE head = ?
