import { describe, expect, it } from 'vitest';
import type { Alert, Event, LiveCall, Mood, Reading } from '../api/model';
import { adviceOf, bars, marks, needs, shownMood, stateOf } from './mood';
import { nobody, roster, type Roster } from './roster';
import { join, silence, talk } from './talk';

const limits = { tense: 0.45, angry: 0.65 };

function reading(seq: number, e: number, part: Partial<Reading> = {}): Reading {
  return {
    side: 'caller', seq, turn: seq > 0, start_ms: seq * 1000, end_ms: seq * 1000 + 800, voiced_ms: 700, class: 'neutral', p: {}, arousal: 0, valence: 0, learned: 0.5,
    cues: [], voice: e, words: null, e, combined: false, strong: false, kinds: [], interruptions: 0, mood: e, model: 'm', late: false, ...part,
  };
}

function mood(now: number, part: Partial<Mood> = {}): Mood {
  return { side: 'caller', state: stateOf(now, limits), turns: 3, now, value: now / 2, trend: 0, peak: now, peak_start_ms: 0, peak_end_ms: 1, alerts: 0, ...part };
}

function alert(n: number, level: Alert['level'] = 'agent', state: Alert['state'] = 'open'): Alert {
  const advice = { sentence: 's', button: 'b', script: 'x', baseline: '' };
  return {
    call_id: 'a', n, side: 'caller', state, level, cause: 'jump', action: 'restate', raised_at: '', raised_ms: 2000, mood_from: 0.1, mood_to: 0.7, start_ms: 1000, end_ms: 2000, learned: 1, calm_turns: 2, cues: [], kinds: [], advice: { en: advice, zh: { ...advice, sentence: '句' } },
  };
}

function call(id: string, part: Partial<LiveCall> = {}): LiveCall {
  return {
    id, state: 'active', direction: 'in', from: '1', from_name: '', to: '2', trunk: '', route: '', language: 'en', started_at: '2026-11-24T02:00:00Z',
    duration_ms: 0, consent: 'none', has_recording: false, transcription: {}, quality: null, ...part,
  };
}

describe('the ribbon', () => {
  it('has a bar per turn of the caller, high where it is angry, never invisible', () => {
    const found = bars([reading(1, 0.02), reading(2, 0.5), reading(3, 0.9), reading(0, 1), reading(4, 1, { side: 'agent' })], limits);
    expect(found.map((b) => [b.look, b.height])).toEqual([['calm', 0.15], ['tense', 0.5], ['angry', 0.9]]);
  });
  it('goes by what the server calls angry', () => {
    const found = bars([reading(1, 0.5), reading(2, 0.8)], { tense: 0.3, angry: 0.9 });
    expect(found.map((b) => b.look)).toEqual(['tense', 'tense']);
  });
  it('says what it is not sure of', () => expect(bars([reading(1, 0.5, { class: 'unsure' })], limits)[0]?.doubtful).toBe(true));
  it('keeps the newest of a long call', () => expect(bars(Array.from({ length: 300 }, (_, i) => reading(i + 1, 0.1)), limits, 120).at(0)?.key).toBe('caller181'));
});

describe('the marks over the waveform', () => {
  it('are the turns that are not calm and the alerts, in parts of the whole', () => {
    expect(marks([reading(1, 0.1), reading(2, 0.9)], [alert(1)], 10_000, limits).map((m) => [m.key, m.from, m.to, m.alert])).toEqual([['caller2', 0.2, 0.28, false], ['alert1', 0.1, 0.2, true]]);
  });
  it('leave out what lies behind the end', () => expect(marks([reading(20, 0.9)], [], 10_000, limits)).toEqual([]));
  it('need a length', () => expect(marks([reading(1, 0.9)], [], 0, limits)).toEqual([]));
});

describe('who needs somebody now', () => {
  it('is ordered by who was called, then by mood', () => {
    const list = needs([
      call('calm', { mood: mood(0.1) }),
      call('tense', { mood: mood(0.5) }),
      call('alert', { mood: mood(0.7), alert: alert(1) }),
      call('super', { mood: mood(0.6), alert: alert(1, 'supervisor') }),
      call('rising', { mood: mood(0.42, { trend: 0.2 }) }),
      call('angry', { mood: mood(0.68) }),
      call('over', { state: 'ended', mood: mood(0.9) }),
      call('unread'),
    ], limits);
    expect(list.map((n) => `${n.call.id}:${n.why}`)).toEqual(['super:supervisor', 'alert:alert', 'angry:angry', 'rising:rising', 'tense:tense']);
  });
});

describe('who needs somebody now, with other limits', () => {
  it('goes by the words of the server', () => {
    const list = needs([call('a', { mood: mood(0.7, { state: 'tense' }) }), call('b', { mood: mood(0.5, { state: 'calm' }) })], { tense: 0.6, angry: 0.8 });
    expect(list.map((n) => `${n.call.id}:${n.why}`)).toEqual(['a:tense']);
  });
});

describe('the mood of a call', () => {
  it('is the present one while it runs, the whole afterwards', () => {
    expect(shownMood(call('a', { mood: mood(0.8) }))?.value).toBe(0.8);
    expect(shownMood(call('a', { state: 'ended', mood: mood(0.8) }))?.value).toBe(0.4);
    expect(shownMood(call('a'))).toBeNull();
  });
  it('is told in the language of the pages', () => {
    expect(adviceOf(alert(1), 'zh-CN')?.sentence).toBe('句');
    expect(adviceOf(alert(1), 'en')?.sentence).toBe('s');
  });
});

describe('the feed', () => {
  const at = '2026-11-24T02:00:00Z';
  const tell = (state: Roster, event: Event) => roster(state, { type: 'event', event });
  const started = tell(nobody, { type: 'call.answered', seq: 1, at, call: 'a', data: call('a') });

  it('brings moods and alerts into the list, and takes them out again', () => {
    let state = tell(started, { type: 'emotion.mood', seq: 2, at, call: 'a', data: mood(0.7) });
    state = tell(state, { type: 'emotion.alert', seq: 3, at, call: 'a', data: alert(1) });
    expect(state.entries.a?.call.mood?.now).toBe(0.7);
    expect(state.entries.a?.call.alert?.n).toBe(1);
    const cleared = tell(state, { type: 'emotion.alert', seq: 4, at, call: 'a', data: alert(1, 'agent', 'dismissed') });
    expect(cleared.entries.a?.call.alert).toBeUndefined();
    const updated = tell(state, { type: 'call.updated', seq: 5, at, call: 'a', data: call('a') });
    expect(updated.entries.a?.call.alert).toBeUndefined();
    expect(updated.entries.a?.call.mood?.now).toBe(0.7);
  });
  it('does not take the mood of our side for the caller’s', () => {
    expect(tell(started, { type: 'emotion.mood', seq: 2, at, call: 'a', data: mood(0.9, { side: 'agent' }) })).toBe(started);
  });
  it('leaves out older news and calls that nobody knows', () => {
    expect(tell(started, { type: 'emotion.mood', seq: 1, at, call: 'a', data: mood(0.9) })).toBe(started);
    expect(tell(started, { type: 'emotion.alert', seq: 9, at, call: 'b', data: alert(1) })).toBe(started);
  });
  it('keeps each reading of a turn once, and shows sliding ones until the turn is read', () => {
    const hear = (state: typeof silence, seq: number, data: Reading) => talk(state, { type: 'event', event: { type: 'emotion.reading', seq, at, call: 'a', data } });
    let state = hear(silence, 1, reading(0, 0.6));
    expect(state.sounding.caller?.e).toBe(0.6);
    state = hear(state, 2, reading(1, 0.8));
    expect(state.sounding.caller).toBeUndefined();
    state = hear(state, 3, reading(1, 0.8));
    expect(state.readings).toHaveLength(1);
    expect(join([reading(2, 0.1)], [reading(1, 0.2)]).map((r) => r.seq)).toEqual([1, 2]);
  });
});
