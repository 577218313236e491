-- name: add
-- Pair a device, or give a known one a new token.
INSERT INTO device (name, token_sha256, added_at, revoked_at, mqtt) VALUES (?, ?, ?, NULL, ?)
ON CONFLICT (name) DO UPDATE
SET token_sha256 = excluded.token_sha256, added_at = excluded.added_at, revoked_at = NULL,
    mqtt = excluded.mqtt

-- name: revoke
-- Take a token out of force; its address may be another's.
UPDATE device SET revoked_at = ?, address = NULL WHERE name = ? AND revoked_at IS NULL

-- name: devices
-- All devices.
SELECT name, added_at, revoked_at FROM device ORDER BY name

-- name: authenticate
-- Whose token this is.
SELECT name FROM device WHERE token_sha256 = ? AND revoked_at IS NULL

-- name: in_force
-- Those that may speak, and how.
SELECT name, token_sha256, address, step, location, to_location, mqtt FROM device
WHERE revoked_at IS NULL ORDER BY name

-- name: by_name
-- The one of this name.
SELECT name, token_sha256, address, step, location, to_location, mqtt FROM device
WHERE revoked_at IS NULL AND name = ?

-- name: by_address
-- The one that speaks from this address.
SELECT name, token_sha256, address, step, location, to_location, mqtt FROM device
WHERE revoked_at IS NULL AND address = ?

-- name: by_token
-- The one with this token.
SELECT name, token_sha256, address, step, location, to_location, mqtt FROM device
WHERE revoked_at IS NULL AND token_sha256 = ?

-- name: speak
-- How a device may speak, and what its lines mean.
UPDATE device SET address = ?, step = ?, location = ?, to_location = ?
WHERE name = ? AND revoked_at IS NULL

-- name: stand
-- Where the device is now.
UPDATE device SET location = ?, to_location = ? WHERE name = ? AND revoked_at IS NULL

-- name: forget_pairings
-- Those whose time is over, and an earlier one of the same device.
DELETE FROM pairing WHERE expires_at <= ? OR device = ?

-- name: begin_pairing
-- A device may be paired from now on.
INSERT INTO pairing (name, secret_sha256, device, expires_at) VALUES (?, ?, ?, ?)

-- name: pairing
-- What a code is good for.
SELECT secret_sha256, device, expires_at, tries FROM pairing WHERE name = ?

-- name: count_try
-- Somebody showed a wrong code.
UPDATE pairing SET tries = tries + 1 WHERE name = ?

-- name: end_pairing
-- A code is good for one use.
DELETE FROM pairing WHERE name = ?
