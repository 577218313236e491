// A worker that reads codes in pictures: zxing-cpp as WebAssembly, served by the gateway itself.

/* global ZXingWASM */
importScripts('../../vendor/zxing-reader.js');

const FORMATS = [
  'EANUPC',
  'Code128',
  'ITF',
  'Code39',
  'DataBar',
  'DataMatrix',
  'QRCode',
  'Aztec',
  'PDF417',
];
const ready = ZXingWASM.prepareZXingModule({
  overrides: { locateFile: () => new URL('../../vendor/zxing_reader.wasm', self.location).href },
  fireImmediately: true,
});

let canvas = null;

self.onmessage = async ({ data: { picture, harder } }) => {
  try {
    await ready;
    const { width, height } = picture;
    if (canvas?.width !== width || canvas?.height !== height)
      canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    picture.close();
    const found = await ZXingWASM.readBarcodes(context.getImageData(0, 0, width, height), {
      formats: FORMATS,
      tryHarder: harder,
      maxNumberOfSymbols: 4,
    });
    const codes = found
      .filter((code) => code.isValid && code.text)
      .map((code) => code.symbologyIdentifier + code.text);
    self.postMessage({ codes });
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
};

ready.then(
  () => self.postMessage({ ready: true }),
  (error) => self.postMessage({ error: String(error) }),
);
