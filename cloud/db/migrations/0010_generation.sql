-- When the cloud's generation began: what gateways sent since then has refilled a restored cloud.
-- depends: 0009_head_witness

ALTER TABLE fleet_state ADD COLUMN begun_at timestamptz;
