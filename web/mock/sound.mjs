// A recording for a made-up talk: each word is a hummed note, the caller's higher than ours.
const rate = 8000;

/** wav renders the utterances as 16-bit stereo, the caller left. */
export function wav(utterances, durationMs) {
  const frames = Math.round((durationMs / 1000) * rate);
  const data = Buffer.alloc(44 + frames * 4);
  data.write('RIFF', 0);
  data.writeUInt32LE(36 + frames * 4, 4);
  data.write('WAVEfmt ', 8);
  data.writeUInt32LE(16, 16);
  data.writeUInt16LE(1, 20);
  data.writeUInt16LE(2, 22);
  data.writeUInt32LE(rate, 24);
  data.writeUInt32LE(rate * 4, 28);
  data.writeUInt16LE(4, 32);
  data.writeUInt16LE(16, 34);
  data.write('data', 36);
  data.writeUInt32LE(frames * 4, 40);
  for (const u of utterances) {
    const base = u.side === 'caller' ? 190 : 120;
    for (const [k, w] of u.words.entries()) {
      const from = Math.round((w.start_ms / 1000) * rate);
      const to = Math.min(frames, Math.round((w.end_ms / 1000) * rate));
      const loud = 5000 + 6000 * Math.abs(Math.sin(k * 1.7 + u.seq));
      for (let i = from; i < to; i++) {
        const part = (i - from) / (to - from);
        const tone = Math.sin((2 * Math.PI * (base + 14 * Math.sin(k)) * i) / rate) + 0.4 * Math.sin((4 * Math.PI * base * i) / rate);
        data.writeInt16LE(Math.round(loud * Math.sin(Math.PI * part) * tone * 0.7), 44 + i * 4 + (u.side === 'caller' ? 0 : 2));
      }
    }
  }
  return data;
}

/** peaks is the loudest of each of so many equal stretches, 0 to 1, per side. */
export function peaks(data, buckets) {
  const frames = (data.length - 44) / 4;
  const left = new Array(buckets).fill(0);
  const right = new Array(buckets).fill(0);
  for (let i = 0; i < frames; i++) {
    const b = Math.floor((i / frames) * buckets);
    left[b] = Math.max(left[b], Math.abs(data.readInt16LE(44 + i * 4)) / 32768);
    right[b] = Math.max(right[b], Math.abs(data.readInt16LE(46 + i * 4)) / 32768);
  }
  const round = (v) => Math.round(v * 1000) / 1000;
  return { rate: buckets / (frames / rate), duration_ms: Math.round((frames / rate) * 1000), left: left.map(round), right: right.map(round) };
}
