-- name: task
-- One task.
SELECT code, kind, document, priority, due_at, zone, blind, note, origin, status
FROM task WHERE code = ?

-- name: ended_at
-- When a task ended.
SELECT changed_at FROM task WHERE code = ? AND status NOT IN ('open', 'started')

-- name: lines
-- What a task asks for, and how much of it is done.
SELECT line, sku, quantity, location, to_location, lot, done FROM task_line
WHERE task = ? ORDER BY line

-- name: tasks
-- Tasks by kind, zone and status, the most urgent first.
SELECT code, kind, document, priority, due_at, zone, blind, note, origin, status FROM task
WHERE (:kind IS NULL OR kind = :kind) AND (:zone IS NULL OR zone = :zone)
  AND status IN (:status, :or_status)
ORDER BY priority DESC, CASE due_at WHEN 0 THEN 9223372036854775807 ELSE due_at END, code
LIMIT :limit

-- name: planned
-- Every task of the plan that is known, and whether anything is left of it.
SELECT code, kind, document, priority, due_at, zone, blind, note, origin, status FROM task

-- name: planned_lines
-- Every line of every task.
SELECT task, line, sku, quantity, location, to_location, lot, sscc, done FROM task_line
ORDER BY task, line

-- name: set_task
-- A task, new or changed.
INSERT INTO task (code, kind, document, priority, due_at, zone, blind, note, origin, status,
                  changed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (code) DO UPDATE
SET kind = excluded.kind, document = excluded.document, priority = excluded.priority,
    due_at = excluded.due_at, zone = excluded.zone, blind = excluded.blind, note = excluded.note,
    origin = excluded.origin, status = excluded.status, changed_at = excluded.changed_at

-- name: remove_lines
-- Before a task's lines are stated anew.
DELETE FROM task_line WHERE task = ?

-- name: put_line
-- One line of a task.
INSERT INTO task_line (task, line, sku, quantity, location, to_location, lot, sscc, done)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: note_end
-- A task that had ended, of which nothing else is known any more.
INSERT OR IGNORE INTO task (code, kind, document, priority, due_at, zone, blind, note, origin,
                            status, changed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: advance
-- So much more (or less) of a line is done.
UPDATE task_line SET done = max(0, done + ?) WHERE task = ? AND line = ?

-- name: set_status
-- A task begins, ends, or is opened again.
UPDATE task SET status = ?, changed_at = ? WHERE code = ?

-- name: announced
-- The lines of open tasks that say what a pallet or parcel holds.
SELECT task.code, task_line.line, task_line.sku, task_line.quantity, task_line.location,
       task_line.to_location, task_line.lot, task_line.done
FROM task_line JOIN task ON task.code = task_line.task
WHERE task_line.sscc = ? AND task.status IN ('open', 'started')
  AND task.kind IN ('receive', 'transfer')
ORDER BY task.code, task_line.line

-- name: clear_faces
-- A plan states its pick faces whole.
DELETE FROM pick_face

-- name: put_face
-- One pick face.
INSERT INTO pick_face (sku, location, minimum, maximum, reserve) VALUES (?, ?, ?, ?, ?)

-- name: faces
-- The pick faces in force.
SELECT sku, location, minimum, maximum, reserve FROM pick_face
WHERE (:sku IS NULL OR sku = :sku) ORDER BY sku, location

-- name: note_work
-- Work on a task that is not known here (any more).
INSERT INTO task_work (task, sku, location, to_location, lot, quantity) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (task, sku, location, to_location, lot) DO UPDATE
SET quantity = quantity + excluded.quantity

-- name: work
-- What was done for a task before it was known here.
SELECT sku, location, to_location, lot, quantity FROM task_work WHERE task = ?

-- name: forget_work
-- It has been taken into the tasks that there are.
DELETE FROM task_work

-- name: tasks_with_work
-- Whether there is any such work: usually there is none.
SELECT DISTINCT task FROM task_work

-- name: forget_tasks
-- Tasks that ended before a moment and that no plan has any more.
DELETE FROM task WHERE code IN (
    SELECT code FROM task
    WHERE status = 'withdrawn' AND changed_at < :before
       OR status IN ('done', 'short') AND origin IN ('cadence', 'witness', 'past')
           AND changed_at < :before
    LIMIT :limit
)

-- name: forget_lines
-- Of tasks that are forgotten.
DELETE FROM task_line WHERE task NOT IN (SELECT code FROM task)

-- name: forget_results
-- Of tasks that are forgotten.
DELETE FROM count_result WHERE task NOT IN (SELECT code FROM task)

-- name: result
-- What came of counting one position for a task.
SELECT line, counted, differences, verdict FROM count_result
WHERE task = ? AND sku = ? AND location = ? AND lot = ? AND serial = ? AND state = ?

-- name: set_result
-- A position was counted for a task.
INSERT INTO count_result (task, sku, location, lot, serial, state, line, counted, differences,
                          verdict)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (task, sku, location, lot, serial, state) DO UPDATE
SET line = excluded.line, counted = excluded.counted, differences = excluded.differences,
    verdict = excluded.verdict

-- name: remove_result
-- As if it had not been counted.
DELETE FROM count_result
WHERE task = ? AND sku = ? AND location = ? AND lot = ? AND serial = ? AND state = ?

-- name: results
-- All that was counted for a task.
SELECT sku, location, lot, serial, state, line, counted, differences, verdict FROM count_result
WHERE task = ? ORDER BY sku, location, lot, serial, state

-- name: uncounted
-- What is on record where a task's line says, and was not counted for it.
SELECT balance.sku, balance.location, balance.lot, balance.serial, balance.state
FROM balance
WHERE balance.location = :location AND (:sku = '' OR balance.sku = :sku)
  AND (:lot IS NULL OR balance.lot = :lot) AND balance.state = 0 AND balance.quantity <> 0
  AND NOT EXISTS (
    SELECT 1 FROM count_result
    WHERE count_result.task = :task AND count_result.sku = balance.sku
      AND count_result.location = balance.location AND count_result.lot = balance.lot
      AND count_result.serial = balance.serial AND count_result.state = balance.state
  )
LIMIT :limit

-- name: counted
-- When an item was last counted (or first seen) at a location.
SELECT counted_at FROM last_count WHERE sku = ? AND location = ?

-- name: set_counted
-- It was counted.
INSERT INTO last_count (sku, location, counted_at) VALUES (?, ?, ?)
ON CONFLICT (sku, location) DO UPDATE SET counted_at = excluded.counted_at

-- name: lying
-- Items at their locations, after a cursor.
SELECT DISTINCT sku, location FROM balance
WHERE (sku, location) > (?, ?) ORDER BY sku, location LIMIT ?

-- name: first_seen
-- An item lies where it was never counted: its time begins.
INSERT OR IGNORE INTO last_count (sku, location, counted_at) VALUES (?, ?, ?)

-- name: due
-- What was last counted before a moment, of one class, and still lies there; the longest ago first.
SELECT last_count.sku, last_count.location, last_count.counted_at, location.zone
FROM last_count
JOIN item ON item.sku = last_count.sku
JOIN location ON location.code = last_count.location
WHERE item.count_class = :class AND last_count.counted_at <= :before
  AND EXISTS (
    SELECT 1 FROM balance
    WHERE balance.sku = last_count.sku AND balance.location = last_count.location
  )
  AND NOT EXISTS (
    SELECT 1 FROM task_line JOIN task ON task.code = task_line.task
    WHERE task.kind = 'count' AND task.status IN ('open', 'started')
      AND task_line.location = last_count.location
      AND task_line.sku IN ('', last_count.sku)
  )
ORDER BY last_count.counted_at, last_count.sku, last_count.location LIMIT :limit

-- name: counted_zones
-- Zones in which counts that this gateway asked for are still to be made.
SELECT DISTINCT coalesce(zone, '') FROM task
WHERE origin = 'cadence' AND status IN ('open', 'started')

-- name: set_accuracy
-- A count task ended.
INSERT INTO accuracy (task, zone, closed_at, positions, exact, within) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (task, zone) DO UPDATE
SET closed_at = excluded.closed_at, positions = excluded.positions, exact = excluded.exact,
    within = excluded.within

-- name: remove_accuracy
-- A count task is open again.
DELETE FROM accuracy WHERE task = ?

-- name: accuracy
-- How right the record was, by zone, in the counts that ended since a moment.
SELECT zone, count(DISTINCT task), sum(positions), sum(exact), sum(within), max(closed_at)
FROM accuracy WHERE closed_at >= ? GROUP BY zone ORDER BY zone

-- name: forget_accuracy
-- Counts that ended long ago.
DELETE FROM accuracy WHERE closed_at < ?

-- name: exception
-- One exception.
SELECT name, about, subject, note, sku, location, photo_sha256, device, operator, raised_at,
       resolution, resolved_note, resolved_by, resolved_at
FROM exception WHERE name = ?

-- name: exceptions
-- Exceptions, the newest first.
SELECT name, about, subject, note, sku, location, photo_sha256, device, operator, raised_at,
       resolution, resolved_note, resolved_by, resolved_at
FROM exception
WHERE (:status = 'all' OR (resolution IS NULL) = (:status = 'open'))
ORDER BY raised_at DESC, name LIMIT :limit

-- name: open_alarms
-- What a device said about itself and has not taken back.
SELECT name FROM exception WHERE resolution IS NULL AND device = ? AND about = ? AND subject = ?

-- name: open_of
-- How many exceptions of a kind by a device wait for somebody.
SELECT count(*) FROM exception WHERE resolution IS NULL AND device = ? AND about = ?

-- name: raise_exception
-- A new exception.
INSERT INTO exception (name, request, about, subject, note, sku, location, photo_sha256, device,
                       operator, raised_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: resolve_exception
-- A person has closed it.
UPDATE exception
SET resolution = ?, resolved_note = ?, resolved_by = ?, resolved_at = ?
WHERE name = ? AND resolution IS NULL

-- name: open_photos
-- The photos that somebody may still want to look at.
SELECT DISTINCT photo_sha256 FROM exception WHERE resolution IS NULL AND photo_sha256 IS NOT NULL

-- name: forget_exceptions
-- Exceptions resolved before a moment.
DELETE FROM exception WHERE name IN (
    SELECT name FROM exception WHERE resolved_at < ? LIMIT ?
)

-- name: coming
-- What open tasks have still to bring to a location, of one item or of all.
SELECT coalesce(sum(max(task_line.quantity - task_line.done, 0)), 0)
FROM task JOIN task_line ON task_line.task = task.code
WHERE task.status IN ('open', 'started') AND task_line.to_location = :location
  AND (:sku IS NULL OR task_line.sku = :sku)

-- name: arriving
-- What open tasks have still to receive, by item.
SELECT task_line.sku, sum(max(task_line.quantity - task_line.done, 0))
FROM task JOIN task_line ON task_line.task = task.code
WHERE task.status IN ('open', 'started') AND task.kind = 'receive' AND task_line.sku <> ''
GROUP BY task_line.sku

-- name: blocked
-- Locations about which somebody has said so, and that nobody has resolved.
SELECT DISTINCT location FROM exception
WHERE resolution IS NULL AND location IS NOT NULL AND about LIKE ?

-- name: withdraw_own
-- A task that this gateway asked for, and that nobody has begun.
UPDATE task SET status = 'withdrawn', changed_at = ?
WHERE code = ? AND origin = 'fallback' AND status = 'open'
