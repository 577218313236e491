-- name: document
-- The document of one kind that is in force.
SELECT version, sha256, content FROM document WHERE kind = ?

-- name: versions
-- What is in force, by kind.
SELECT kind, version FROM document

-- name: set_document
-- Put a document in force. The catalog's content lives in its tables, the policy's here.
INSERT INTO document (kind, version, sha256, content, received_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (kind) DO UPDATE
SET version = excluded.version, sha256 = excluded.sha256, content = excluded.content,
    received_at = excluded.received_at

-- name: item_of_gtin
-- The item that carries a trade item number, and how many base units one of it holds.
SELECT item.sku, item.name, item.removed, item_code.quantity
FROM item_code JOIN item ON item.sku = item_code.sku WHERE item_code.gtin = ?

-- name: item_of_sku
-- The item itself.
SELECT sku, name, removed, 1 FROM item WHERE sku = ?

-- name: location
-- Whether a location may be used, and its role.
SELECT role, removed FROM location WHERE code = ?

-- name: locations
-- Every location in use, and its role.
SELECT code, role FROM location WHERE removed = 0 ORDER BY code

-- name: location_of_role
-- The first location with a role: where goods go when nobody says otherwise.
SELECT code FROM location WHERE role = ? AND removed = 0 ORDER BY code LIMIT 1

-- name: clear_documents
-- Where what they say could not be read.
DELETE FROM document

-- name: clear_items
-- Before a snapshot.
DELETE FROM item

-- name: clear_codes
-- Before a snapshot.
DELETE FROM item_code

-- name: clear_locations
-- Before a snapshot.
DELETE FROM location

-- name: put_item
-- An item, new or changed.
INSERT INTO item (sku, name, removed) VALUES (?, ?, ?)
ON CONFLICT (sku) DO UPDATE SET name = excluded.name, removed = excluded.removed

-- name: clear_codes_of
-- The codes of a changed item are stated anew.
DELETE FROM item_code WHERE sku = ?

-- name: put_code
-- A code names one item; the latest document says which.
INSERT INTO item_code (gtin, sku, quantity) VALUES (?, ?, ?)
ON CONFLICT (gtin) DO UPDATE SET sku = excluded.sku, quantity = excluded.quantity

-- name: put_location
-- A location, new or changed.
INSERT INTO location (code, role, removed) VALUES (?, ?, ?)
ON CONFLICT (code) DO UPDATE SET role = excluded.role, removed = excluded.removed

-- name: move
-- One movement.
INSERT INTO balance (sku, location, lot, serial, state, quantity) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (sku, location, lot, serial, state) DO UPDATE
SET quantity = quantity + excluded.quantity
RETURNING quantity

-- name: remove_empty
-- A position without goods is no position.
DELETE FROM balance
WHERE sku = ? AND location = ? AND lot = ? AND serial = ? AND state = ? AND quantity = 0

-- name: at
-- What is at one position.
SELECT quantity FROM balance
WHERE sku = ? AND location = ? AND lot = ? AND serial = ? AND state = ?

-- name: on_hand
-- What the site holds of an item; goods in transit are not on hand.
SELECT coalesce(sum(quantity), 0) FROM balance WHERE sku = ? AND state <> 4

-- name: on_hand_at
-- What one location holds of an item.
SELECT coalesce(sum(quantity), 0) FROM balance WHERE sku = ? AND location = ? AND state <> 4

-- name: lines
-- Positions in order, after a cursor.
SELECT sku, location, lot, serial, state, quantity FROM balance
WHERE (sku, location, lot, serial, state)
    > (:after_sku, :after_location, :after_lot, :after_serial, :after_state)
ORDER BY sku, location, lot, serial, state LIMIT :limit

-- name: lines_of_item
-- Positions of one item, after a cursor.
SELECT sku, location, lot, serial, state, quantity FROM balance
WHERE sku = :sku AND (:location IS NULL OR location = :location)
  AND (location, lot, serial, state) > (:after_location, :after_lot, :after_serial, :after_state)
ORDER BY location, lot, serial, state LIMIT :limit

-- name: lines_at
-- Positions at one location, after a cursor.
SELECT sku, location, lot, serial, state, quantity FROM balance
WHERE location = :location
  AND (sku, lot, serial, state) > (:after_sku, :after_lot, :after_serial, :after_state)
ORDER BY sku, lot, serial, state LIMIT :limit
