// A scanner on a serial port (USB-CDC or a real one), where the browser has Web Serial.

const IDLE_MS = 120;
const LONGEST = 12_000;
const FRAMING = /[\u0002\u0003]/g; // STX and ETX around a code

export const canSerial = () => 'serial' in navigator;

export class SerialScanner {
  /**
   * @param taken called with each code
   * @param changed called with `{ up, why }`
   * @param baud returns the speed
   */
  constructor({ taken, changed, baud }) {
    this.taken = taken;
    this.changed = changed;
    this.baud = baud;
    this.text = '';
  }

  /** Reconnect to what a person has allowed before. */
  async resume() {
    if (!canSerial()) return;
    navigator.serial.addEventListener('connect', (event) => this.open(event.target));
    const [port] = await navigator.serial.getPorts();
    if (port) await this.open(port);
  }

  /** Have a person choose a port; needs a tap. */
  async choose() {
    let port;
    try {
      port = await navigator.serial.requestPort();
    } catch {
      return; // nothing was chosen
    }
    await this.open(port);
  }

  async open(port) {
    try {
      await port.open({ baudRate: this.baud() });
    } catch (error) {
      if (error.name !== 'InvalidStateError')
        this.changed({ up: false, why: 'The port does not open.' });
      return;
    }
    this.changed({ up: true, why: '' });
    try {
      await this.listen(port);
    } catch {
      // unplugged
    }
    this.changed({ up: false, why: 'The scanner was unplugged.' });
    await port.close().catch(() => {});
  }

  async listen(port) {
    const decoder = new TextDecoder('utf-8');
    const reader = port.readable.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return reader.releaseLock();
      this.heard(decoder.decode(value, { stream: true }));
    }
  }

  heard(text) {
    clearTimeout(this.timer);
    const lines = (this.text + text).replace(FRAMING, '').split(/[\r\n]+/);
    this.text = lines.pop().slice(0, LONGEST);
    lines.filter(Boolean).forEach((line) => this.taken(line));
    if (this.text) this.timer = setTimeout(() => this.idle(), IDLE_MS);
  }

  /** No line end came: what there is was all. */
  idle() {
    const { text } = this;
    this.text = '';
    this.taken(text);
  }
}
