-- web: how a device may speak beside HTTP. `address` is where its lines may come from without a token;
-- `step`, `location` and `to_location` are what its next bare line means (a location's label changes
-- them); `mqtt` is its token's salted hash, as mosquitto reads it.
ALTER TABLE device ADD COLUMN address TEXT;
ALTER TABLE device ADD COLUMN step TEXT NOT NULL DEFAULT 'receive';
ALTER TABLE device ADD COLUMN location TEXT;
ALTER TABLE device ADD COLUMN to_location TEXT;
ALTER TABLE device ADD COLUMN mqtt TEXT;
CREATE UNIQUE INDEX device_address ON device (address) WHERE address IS NOT NULL AND revoked_at IS NULL;
