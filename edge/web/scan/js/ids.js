// UUIDv7 (RFC 9562): made when the trigger is pulled, the same in every retry, in order of making.

let last = 0;
let count = 0;

/** A fresh id; a clock that stands still or runs backwards does not break the order. */
export function uuid7(now = Date.now()) {
  if (now > last) {
    last = now;
    count = crypto.getRandomValues(new Uint16Array(1))[0] & 0x3ff;
  } else {
    count += 1;
    if (count > 0xfff) {
      last += 1;
      count = 0;
    }
  }
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setUint32(0, Math.floor(last / 0x10000));
  new DataView(bytes.buffer).setUint16(4, last % 0x10000);
  bytes[6] = 0x70 | (count >> 8);
  bytes[7] = count & 0xff;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
