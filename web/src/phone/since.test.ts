import { describe, expect, it } from 'vitest';
import type { LiveCall, Utterance } from '../api/model';
import { silence, talk } from '../call/talk';
import { heardSince } from './since';

const start = Date.parse('2026-11-28T12:00:00Z');
const call = (state = 'live') => ({ answered_at: '2026-11-28T12:00:00Z', transcription: { caller: state, agent: 'live' } }) as unknown as LiveCall;
const said = (side: string, end_ms: number) => ({ side, seq: 1, segment: 0, start_ms: end_ms - 500, end_ms, text: 'x', raw: 'x', words: [], spans: [], turn: 1 }) as unknown as Utterance;

describe('heardSince', () => {
  const spoken = talk(silence, { type: 'event', event: { type: 'transcript.final', seq: 1, at: '', data: said('caller', 10_000) } });
  it('counts from the end of the last words', () => expect(heardSince(call(), spoken, 'caller', start + 25_000)).toBe(15_000));
  it('counts from the answer when nothing was said', () => expect(heardSince(call(), silence, 'caller', start + 25_000)).toBe(25_000));
  it('is nothing while one speaks', () => {
    const now = talk(spoken, { type: 'event', event: { type: 'transcript.partial', seq: 2, at: '', data: { side: 'caller', segment: 3, start_ms: 20_000, end_ms: 21_000, text: 'a', stable: 0 } } });
    expect(heardSince(call(), now, 'caller', start + 25_000)).toBe(0);
  });
  it('is not known without words', () => expect(heardSince(call('off'), spoken, 'caller', start + 25_000)).toBeNull());
  it('is never less than nothing, whatever the clocks say', () => expect(heardSince(call(), spoken, 'caller', start)).toBe(0));
});
