import { describe, expect, it } from 'vitest';
import type { Event, PartialText, Side, Utterance } from '../api/model';
import { silence, split, talk, type Snapshot, type Talk } from './talk';

function partial(side: Side, segment: number, text: string, stable = 0, start_ms = 1000): PartialText {
  return { side, segment, start_ms, end_ms: start_ms + 100 * text.length, text, stable };
}

function final(side: Side, seq: number, text: string, start_ms = 1000, segment = seq + 1): Utterance {
  return { side, seq, segment, start_ms, end_ms: start_ms + 900, text, raw: text.toLowerCase(), words: [], spans: [], turn: seq };
}

const at = '2026-11-24T02:00:00Z';
const grown = (seq: number, data: PartialText): Event => ({ type: 'transcript.partial', seq, at, data });
const settled = (seq: number, data: Utterance): Event => ({ type: 'transcript.final', seq, at, data });

function after(events: Event[], from: Talk = silence): Talk {
  return events.reduce((state, event) => talk(state, { type: 'event', event }), from);
}

function snapshot(state: Talk, utterances: Utterance[], partials: Snapshot['partial'], seq: number, asked = state.seq): Talk {
  return talk(state, { type: 'snapshot', snapshot: { utterances, partial: partials, seq }, asked });
}

const texts = (state: Talk) => state.utterances.map((u) => u.text || 'gap');

describe('a partial', () => {
  it('grows and changes', () => {
    const state = after([grown(1, partial('caller', 1, 'i would')), grown(2, partial('caller', 1, 'i would like', 7))]);
    expect(state.speaking.caller).toMatchObject({ text: 'i would like', stable: 7, at: 2 });
  });

  it('is split at its stable prefix by characters, not code units', () => {
    expect(split(partial('caller', 1, '好的😀谢谢', 3))).toEqual(['好的😀', '谢谢']);
  });

  it('of one side leaves the other alone', () => {
    const state = after([grown(1, partial('caller', 1, 'hello')), grown(2, partial('agent', 1, 'good day'))]);
    expect(state.speaking.caller?.text).toBe('hello');
    expect(state.speaking.agent?.text).toBe('good day');
  });

  it('that is older than the one shown is left out', () => {
    const newest = after([grown(5, partial('caller', 1, 'i would like'))]);
    expect(after([grown(4, partial('caller', 1, 'i would'))], newest)).toBe(newest);
  });

  it('that comes twice changes nothing', () => {
    const once = after([grown(5, partial('caller', 1, 'i would'))]);
    expect(after([grown(5, partial('caller', 1, 'i would'))], once)).toBe(once);
  });
});

describe('a final', () => {
  it('replaces the partial of its segment', () => {
    const state = after([grown(1, partial('caller', 1, 'i would like')), settled(2, final('caller', 0, 'I would like $20.'))]);
    expect(state.speaking.caller).toBeUndefined();
    expect(texts(state)).toEqual(['I would like $20.']);
  });

  it('leaves the partial of the next segment', () => {
    const state = after([grown(3, partial('caller', 2, 'and then', 0, 5000)), settled(4, final('caller', 0, 'First.', 1000, 1))]);
    expect(state.speaking.caller?.text).toBe('and then');
  });

  it('is not undone by a late partial of its segment', () => {
    const state = after([settled(2, final('caller', 0, 'Yes.')), grown(3, partial('caller', 1, 'yes'))]);
    expect(state.speaking.caller).toBeUndefined();
  });

  it('of a former worker does not silence the same segment number of the next worker', () => {
    const state = after([settled(2, final('caller', 0, 'Yes.', 1000, 1)), grown(3, partial('caller', 1, 'go on', 0, 9000))]);
    expect(state.speaking.caller?.text).toBe('go on');
  });

  it('that comes twice is there once', () => {
    const once = after([settled(1, final('caller', 0, 'Yes.'))]);
    const twice = after([settled(1, final('caller', 0, 'Yes.'))], once);
    expect(twice.utterances).toBe(once.utterances);
  });

  it('that comes late goes to its place in call time', () => {
    const state = after([settled(1, final('caller', 0, 'one', 1000)), settled(3, final('caller', 1, 'three', 5000)), settled(4, final('agent', 0, 'two', 3000))]);
    expect(texts(state)).toEqual(['one', 'two', 'three']);
  });

  it('recognised again afterwards replaces the first attempt', () => {
    const state = after([settled(1, final('caller', 0, 'yes')), settled(2, { ...final('caller', 0, 'Yes, please.'), late: true })]);
    expect(texts(state)).toEqual(['Yes, please.']);
  });
});

describe('a gap', () => {
  const gap: Event = { type: 'transcript.gap', seq: 2, at, data: { side: 'caller', start_ms: 3000, end_ms: 4000, reason: 'worker lost' } };

  it('stands between what was heard', () => {
    const state = after([settled(1, final('caller', 0, 'one', 1000)), settled(3, final('caller', 1, 'two', 5000)), gap]);
    expect(texts(state)).toEqual(['one', 'gap', 'two']);
    expect(state.utterances[1]).toMatchObject({ gap: true, start_ms: 3000, end_ms: 4000, reason: 'worker lost' });
  });

  it('is the same in the snapshot, where it has a number', () => {
    const stored: Utterance = { ...final('caller', 7, '', 3000), gap: true, end_ms: 4000 };
    expect(texts(snapshot(after([gap]), [stored], {}, 2))).toEqual(['gap']);
  });
});

describe('a snapshot', () => {
  it('fills in what was missed and keeps what came meanwhile', () => {
    const before = after([settled(1, final('caller', 0, 'one', 1000))]);
    const meanwhile = after([settled(9, final('agent', 3, 'four', 9000))], before);
    const state = snapshot(meanwhile, [final('caller', 0, 'one', 1000), final('agent', 0, 'two', 3000), final('caller', 1, 'three', 5000)], {}, 8, before.seq);
    expect(texts(state)).toEqual(['one', 'two', 'three', 'four']);
    expect(state.whole).toBe(true);
  });

  it('brings the partial that is being spoken', () => {
    expect(snapshot(silence, [], { caller: partial('caller', 1, 'hello there') }, 4).speaking.caller).toMatchObject({ text: 'hello there', at: 4 });
  });

  it('does not set back a partial that grew meanwhile', () => {
    const state = snapshot(after([grown(6, partial('caller', 1, 'hello there sir'))]), [], { caller: partial('caller', 1, 'hello') }, 4, 0);
    expect(state.speaking.caller?.text).toBe('hello there sir');
  });

  it('ends a partial that was settled while nobody was connected', () => {
    const lost = after([grown(3, partial('caller', 1, 'hello th'))]);
    const state = snapshot(lost, [final('caller', 0, 'Hello there.')], {}, 20);
    expect(state.speaking.caller).toBeUndefined();
    expect(texts(state)).toEqual(['Hello there.']);
  });

  it('does not let events that it contains change it', () => {
    const state = snapshot(silence, [], { caller: partial('caller', 1, 'hello there') }, 10);
    expect(after([grown(9, partial('caller', 1, 'hello'))], state)).toBe(state);
    expect(after([grown(11, partial('caller', 1, 'hello there sir'))], state).speaking.caller?.text).toBe('hello there sir');
  });

  it('of a server that was started again begins the count anew', () => {
    const old = after([grown(5000, partial('caller', 1, 'from before'))]);
    const state = snapshot(old, [], {}, 12);
    expect(state.speaking.caller).toBeUndefined();
    expect(after([grown(13, partial('caller', 1, 'from now'))], state).speaking.caller?.text).toBe('from now');
  });
});

describe('the line', () => {
  it('keeps the newest quality per side and never counts keys down', () => {
    const quality = (mos: number) => ({ side: 'caller' as const, loss_pct: 0, jitter_ms: 1, rtt_ms: 2, mos });
    const state = after([
      { type: 'call.quality', seq: 1, at, data: quality(4.2) },
      { type: 'call.dtmf', seq: 2, at, data: { side: 'caller', count: 3 } },
      { type: 'call.dtmf', seq: 3, at, data: { side: 'caller', count: 2 } },
      { type: 'call.quality', seq: 4, at, data: quality(3.9) },
      { type: 'flow.node', seq: 5, at, data: { flow: 'service', node: 'menu' } },
    ]);
    expect(state.quality.caller?.mos).toBe(3.9);
    expect(state.keys.caller).toBe(3);
    expect(state.node).toEqual({ flow: 'service', node: 'menu' });
  });
});

// However events are delayed, doubled and swapped, the settled text in the end is the same.
describe('any order', () => {
  it('leads to the same words', () => {
    const events: Event[] = [];
    for (let i = 0; i < 6; i++) {
      const side: Side = i % 2 ? 'agent' : 'caller';
      const seq = Math.floor(i / 2);
      events.push(grown(3 * i + 1, partial(side, seq + 1, 'a', 0, i * 2000)));
      events.push(grown(3 * i + 2, partial(side, seq + 1, 'a b', 0, i * 2000)));
      events.push(settled(3 * i + 3, final(side, seq, `A b ${i}.`, i * 2000)));
    }
    const expected = texts(after(events));
    let random = 7;
    const next = () => (random = (random * 16807) % 2147483647);
    for (let round = 0; round < 200; round++) {
      const shuffled = [...events, ...events.filter(() => next() % 3 === 0)].map((event) => ({ event, key: next() })).sort((a, b) => a.key - b.key);
      const state = after(shuffled.map((s) => s.event));
      expect(texts(state)).toEqual(expected);
      expect(state.speaking).toEqual({});
    }
  });
});
