// The phone's or tablet's camera as a scanner: the browser's own detector where it knows the codes
// of the trade, else the decoder that the gateway brings along.

const WANTED = { facingMode: 'environment', width: { ideal: 1280 }, height: { ideal: 720 } };
const FORMATS = [
  'ean_13',
  'ean_8',
  'upc_a',
  'upc_e',
  'code_128',
  'itf',
  'code_39',
  'data_matrix',
  'qr_code',
];
const NEEDED = ['ean_13', 'code_128', 'data_matrix'];
const DECODER = new URL('decoder.js', import.meta.url);
const PACE_MS = 30;
const KEPT_MS = 60_000;

/** AIM identifiers (ISO/IEC 15424) by the detector's names, where they say all there is to say. */
const AIM = { ean_13: ']E0', ean_8: ']E4', upc_a: ']E0', itf: ']I0', code_39: ']A0' };

export const canCamera = () => Boolean(navigator.mediaDevices?.getUserMedia);

/** Why there is no picture, and what to do. */
export class NoPicture extends Error {
  constructor(says, act) {
    super(says);
    this.says = says;
    this.act = act;
  }
}

export class Camera {
  /**
   * @param video the element that shows the picture
   * @param seen called with the codes of a frame, and when it was taken
   * @param failed called when codes cannot be read
   */
  constructor({ video, seen, failed }) {
    this.video = video;
    this.seen = seen;
    this.failed = failed;
    this.running = false;
  }

  /** Show the picture and read codes until `stop`. */
  async start() {
    this.running = true;
    const loading = this.ready(); // meanwhile
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: WANTED, audio: false });
    } catch (error) {
      this.running = false;
      throw explained(error);
    }
    if (!this.running) return this.stop();
    this.video.srcObject = this.stream;
    await this.video.play();
    this.began = performance.now();
    await loading;
    return this.look();
  }

  stop() {
    this.running = false;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.video.srcObject = null;
    this.stream = null;
    clearTimeout(this.idle);
    this.idle = setTimeout(() => this.forget(), KEPT_MS);
  }

  async ready() {
    clearTimeout(this.idle);
    this.detector ??= await detector();
  }

  /** A decoder that nobody has used for a while gives its memory back. */
  forget() {
    this.detector?.close();
    this.detector = null;
  }

  async look() {
    while (this.running) {
      const at = performance.now();
      try {
        if (this.video.readyState >= 2) {
          const codes = await this.detector.read(this.video);
          if (this.running && codes.length > 0) this.seen(codes, at);
        }
      } catch (error) {
        if (this.running) this.failed(error);
        return;
      }
      await new Promise((ok) => setTimeout(ok, Math.max(0, PACE_MS - (performance.now() - at))));
    }
  }

  /** Switch the lamp; false where there is none. */
  async light(on) {
    const [track] = this.stream?.getVideoTracks() ?? [];
    if (!track?.getCapabilities?.().torch) return false;
    await track.applyConstraints({ advanced: [{ torch: on }] });
    return true;
  }

  get hasLight() {
    return Boolean(this.stream?.getVideoTracks()[0]?.getCapabilities?.().torch);
  }
}

async function detector() {
  if ('BarcodeDetector' in globalThis) {
    const known = await BarcodeDetector.getSupportedFormats();
    if (NEEDED.every((format) => known.includes(format))) {
      return new Native(FORMATS.filter((format) => known.includes(format)));
    }
  }
  return new Brought();
}

class Native {
  constructor(formats) {
    this.detector = new BarcodeDetector({ formats });
  }

  async read(video) {
    const found = await this.detector.detect(video);
    return found.map(({ format, rawValue }) => {
      const digits = format === 'upc_a' && rawValue.length === 12 ? `0${rawValue}` : rawValue;
      return (AIM[format] ?? '') + digits;
    });
  }

  close() {}
}

class Brought {
  constructor() {
    this.worker = new Worker(DECODER);
    this.answer = null;
    this.frames = 0;
    this.worker.onmessage = ({ data }) => this.answered(data);
    this.worker.onerror = () => this.answered({ error: 'the decoder does not load' });
  }

  answered(data) {
    if (data.ready) return;
    if (data.error && !this.answer) this.broken = data.error;
    this.answer?.(data);
  }

  /** Every second frame is looked at quickly, the others thoroughly. */
  async read(video) {
    if (this.broken) throw new Error(this.broken);
    const picture = await createImageBitmap(video);
    this.frames += 1;
    const { codes, error } = await new Promise((ok) => {
      this.answer = ok;
      this.worker.postMessage({ picture, harder: this.frames % 2 === 0 }, [picture]);
    });
    this.answer = null;
    if (error) throw new Error(error);
    return codes;
  }

  close() {
    this.worker.terminate();
    this.answer?.({ codes: [] });
  }
}

function explained(error) {
  if (error.name === 'NotAllowedError') {
    return new NoPicture(
      'This page may not use the camera.',
      'Allow the camera for this page in the browser, then try again.',
    );
  }
  if (error.name === 'NotFoundError' || error.name === 'OverconstrainedError') {
    return new NoPicture('This device has no camera.', 'Use a scanner, or type the code.');
  }
  return new NoPicture('The camera gives no picture.', 'Close other apps that use it; try again.');
}
