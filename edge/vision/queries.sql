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
