// Sounds that the page makes itself: ringing, the ring-back of a call that is being dialled, keys, a tone for testing.

type Pair = readonly [number, number];

/** Keys of a telephone and their two frequencies in Hz (ITU-T Q.23). */
const keys: Readonly<Record<string, Pair>> = {
  '1': [697, 1209], '2': [697, 1336], '3': [697, 1477],
  '4': [770, 1209], '5': [770, 1336], '6': [770, 1477],
  '7': [852, 1209], '8': [852, 1336], '9': [852, 1477],
  '*': [941, 1209], '0': [941, 1336], '#': [941, 1477],
};

/** A cadence: seconds of sound and of silence by turns. */
interface Cadence {
  readonly tones: Pair;
  readonly on: number;
  readonly off: number;
  readonly volume: number;
}

export const ringTone: Cadence = { tones: [784, 988], on: 0.9, off: 1.6, volume: 0.25 };
/** 450 Hz, one second in five: what telephones in China ring back with. */
export const ringBack: Cadence = { tones: [450, 450], on: 1, off: 4, volume: 0.08 };

let context: AudioContext | null = null;

// One for the page: browsers allow a few only. It sleeps until somebody has clicked.
function open(): AudioContext {
  context ??= new AudioContext();
  if (context.state === 'suspended') void context.resume().catch(() => undefined);
  return context;
}

/** beep plays two frequencies from `at`, softened at both ends so that nothing clicks. */
function beep(at: number, seconds: number, tones: Pair, volume: number, to: AudioNode): OscillatorNode[] {
  const { context: where } = to;
  const gain = new GainNode(where, { gain: 0 });
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(volume / 2, at + 0.015);
  gain.gain.setValueAtTime(volume / 2, at + seconds - 0.03);
  gain.gain.linearRampToValueAtTime(0, at + seconds);
  gain.connect(to);
  return tones.map((frequency) => {
    const tone = new OscillatorNode(where, { frequency });
    tone.connect(gain);
    tone.start(at);
    tone.stop(at + seconds);
    return tone;
  });
}

/** through plays on the chosen output: an element can be sent there, a context not everywhere. */
function through(sink: string): { node: AudioNode; stop: () => void } {
  const where = open();
  if (!sink) return { node: where.destination, stop: () => undefined };
  const stream = where.createMediaStreamDestination();
  const element = new Audio();
  element.srcObject = stream.stream;
  void setSink(element, sink).then(() => element.play().catch(() => undefined));
  return {
    node: stream,
    stop: () => {
      element.pause();
      element.srcObject = null;
    },
  };
}

/** setSink sends an element's sound to an output; the default one when it is gone or the browser can't. */
export async function setSink(element: HTMLMediaElement, sink: string): Promise<void> {
  if (!('setSinkId' in element)) return;
  try {
    await element.setSinkId(sink);
  } catch {
    await element.setSinkId('').catch(() => undefined);
  }
}

/** repeat plays a cadence until the returned function is called. */
export function repeat(cadence: Cadence, sink = ''): () => void {
  const out = through(sink);
  let tones: OscillatorNode[] = [];
  const once = () => {
    tones = beep(out.node.context.currentTime + 0.02, cadence.on, cadence.tones, cadence.volume, out.node);
  };
  once();
  const timer = setInterval(once, (cadence.on + cadence.off) * 1000);
  return () => {
    clearInterval(timer);
    for (const tone of tones) tone.stop();
    out.stop();
  };
}

/** key plays the sound of a key, for the ear of who presses it. */
export function key(name: string): void {
  const tones = keys[name];
  if (tones) beep(open().currentTime, 0.12, tones, 0.1, open().destination);
}

/** testTone plays a rising triad for a second and a half. */
export function testTone(sink: string): void {
  const out = through(sink);
  const start = out.node.context.currentTime + 0.1;
  for (const [i, hz] of [523.25, 659.25, 783.99].entries()) beep(start + i * 0.45, 0.42, [hz, hz], 0.3, out.node);
  setTimeout(out.stop, 2200);
}
