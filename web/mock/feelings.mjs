// Made-up moods for the mock's calls: every third caller gets angry, every fifth is hard to read.
const advice = {
  en: { sentence: 'Faster, louder – repeat the problem first, then give a time', button: 'Repeat and give a time', script: 'Let me make sure I have this right: … I will have an answer for you by …', baseline: "compared with this caller's own voice in this call" },
  zh: { sentence: '语速快、音量升高 – 先复述问题再给时限', button: '复述并给时限', script: '我跟您确认一下：您的问题是……，我会在……之前给您答复。', baseline: '与这位来电者本次通话中自己的声音比较' },
};

const stateOf = (e) => (e >= 0.65 ? 'angry' : e > 0.45 ? 'tense' : 'calm');

/** feelings are the readings of a call's caller, one per turn, with the mood after each. */
export function feelings(talk, n) {
  let mood;
  return talk
    .filter((u) => u.side === 'caller' && !u.gap)
    .map((u, i) => {
      const e = n % 3 === 0 ? Math.min(0.95, 0.15 + 0.32 * i) : 0.1 + 0.12 * Math.abs(Math.sin(n + 2 * i));
      mood = mood === undefined ? e : mood + 0.4 * (e - mood);
      const angry = e * 0.9;
      return {
        side: 'caller', seq: i + 1, turn: true, start_ms: u.start_ms, end_ms: u.end_ms, voiced_ms: Math.round((u.end_ms - u.start_ms) * 0.7), class: n % 5 === 4 ? 'unsure' : e > 0.6 ? 'angry' : 'neutral',
        p: { neutral: 1 - angry, angry, happy: 0, sad: 0, other: 0 }, arousal: e, valence: -e, learned: Math.min(1, i * 0.3), cues: e > 0.6 ? [{ feature: 'speech rate', z: 2.1 }, { feature: 'loudness', z: 1.8 }] : [],
        voice: angry, words: i % 2 ? e * 0.6 : 0, e, combined: true, strong: false, kinds: [], interruptions: 0, mood, model: 'mock', late: false,
      };
    });
}

/** moodOf sums up readings. */
export function moodOf(readings, alerts) {
  if (readings.length === 0) return undefined;
  const last = readings.at(-1);
  const peak = readings.reduce((a, b) => (b.e > a.e ? b : a));
  const value = readings.reduce((sum, r, i) => sum + (i + 1) * r.e, 0) / ((readings.length * (readings.length + 1)) / 2);
  return { side: 'caller', state: stateOf(last.mood), turns: readings.length, now: last.mood, value, trend: (last.e - readings[0].e) / 2, peak: peak.e, peak_start_ms: peak.start_ms, peak_end_ms: peak.end_ms, alerts };
}

/** alertOf is the alert that a reading raises, if it does. */
export function alertOf(id, readings, at) {
  const r = readings.find((x) => x.mood >= 0.55);
  if (!r) return undefined;
  return {
    call_id: id, n: 1, side: 'caller', state: 'open', level: 'agent', cause: 'sustained', action: 'restate', raised_at: new Date(at + r.end_ms).toISOString(), raised_ms: r.end_ms, mood_from: 0.3, mood_to: r.mood,
    start_ms: r.start_ms, end_ms: r.end_ms, learned: 0.8, calm_turns: 2, cues: r.cues, kinds: [], advice,
  };
}

/** report is the moods of past calls by one of their fields. */
export function report(calls, by) {
  const key = { route: (s) => s.route, queue: (s) => s.route, hour: (s) => s.started_at.slice(11, 13), day: (s) => s.started_at.slice(0, 10), language: (s) => s.language, cause: (s) => s.cause, disposition: () => '' }[by];
  const rows = new Map();
  for (const call of calls) {
    const mood = call.summary.mood;
    if (!mood) continue;
    const k = key(call.summary);
    const row = rows.get(k) ?? { key: k, calls: 0, value: 0, trend: 0, peak: 0, angry: 0, alerted: 0, alerts: 0, not_angry: 0 };
    const mean = (old, v) => old + (v - old) / (row.calls + 1);
    Object.assign(row, { value: mean(row.value, mood.value), trend: mean(row.trend, mood.trend), peak: mean(row.peak, mood.peak) });
    row.calls++;
    row.alerts += mood.alerts;
    row.angry += stateOf(mood.value) === 'angry' ? 1 : 0;
    row.alerted += mood.alerts > 0 ? 1 : 0;
    rows.set(k, row);
  }
  return [...rows.values()].sort((a, b) => a.key.localeCompare(b.key));
}
