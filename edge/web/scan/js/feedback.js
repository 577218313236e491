// Three tones that are told apart in a loud hall, and three patterns that are felt in a glove.
//
// saved: one short blip. applied: two notes that rise. refused: three harsh low ones.

const TONES = {
  saved: { wave: 'sine', notes: [[0, 0.06, 1320]], shake: [30] },
  applied: {
    wave: 'sine',
    notes: [
      [0, 0.09, 880],
      [0.1, 0.16, 1760],
    ],
    shake: [60],
  },
  refused: {
    wave: 'sawtooth',
    notes: [
      [0, 0.16, 196],
      [0.21, 0.16, 196],
      [0.42, 0.3, 147],
    ],
    shake: [200, 90, 200, 90, 350],
  },
};

let context = null;
let free = 0;

/** Have sound ready: making it takes longer than a person should wait for the first scan. */
export function warm() {
  context ??= new AudioContext({ latencyHint: 'interactive' });
}

/** Sound and shake; a tone begins when the one before it has ended. */
export function play(name, { sound = true, shake = true } = {}) {
  const tone = TONES[name];
  document.documentElement.dataset.tone = name;
  if (shake) navigator.vibrate?.(tone.shake);
  if (!sound) return;
  warm();
  if (context.state === 'suspended') context.resume().catch(() => {});
  const begin = Math.max(context.currentTime, Math.min(free, context.currentTime + 0.15));
  for (const [after, lasts, hertz] of tone.notes) {
    note(begin + after, lasts, hertz, tone.wave);
    free = begin + after + lasts;
  }
}

function note(at, lasts, hertz, wave) {
  const source = new OscillatorNode(context, { type: wave, frequency: hertz });
  const loud = new GainNode(context, { gain: 0 });
  loud.gain.setValueAtTime(0, at);
  loud.gain.linearRampToValueAtTime(0.5, at + 0.005);
  loud.gain.setValueAtTime(0.5, at + lasts - 0.015);
  loud.gain.linearRampToValueAtTime(0, at + lasts);
  source.connect(loud).connect(context.destination);
  source.start(at);
  source.stop(at + lasts);
}
