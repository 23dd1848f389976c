import { describe, expect, it } from 'vitest';
import type { CallState, CallSummary, Event } from '../api/model';
import { inOrder, nobody, roster, type Roster } from './roster';

function call(id: string, state: CallState = 'active', started = 0): CallSummary {
  return {
    id, state, direction: 'in', from: '1', from_name: '', to: '2', trunk: '', route: '', language: 'en', started_at: new Date(started).toISOString(),
    duration_ms: 0, consent: 'none', has_recording: false, transcription: {}, quality: null,
  };
}

const at = '2026-11-24T02:00:00Z';
const event = (seq: number, type: 'call.started' | 'call.updated' | 'call.ended', data: CallSummary): Event => ({ type, seq, at, data });
const after = (events: Event[], from: Roster = nobody) => events.reduce((state, e) => roster(state, { type: 'event', event: e }), from);
const ids = (state: Roster) => inOrder(state).map((c) => `${c.id}:${c.state}`);

describe('the roster', () => {
  it('lists running calls, the newest first', () => {
    expect(ids(after([event(1, 'call.started', call('a', 'ringing', 1)), event(2, 'call.started', call('b', 'ringing', 2))]))).toEqual(['b:ringing', 'a:ringing']);
  });

  it('leaves out older and doubled news', () => {
    const state = after([event(5, 'call.updated', call('a', 'active'))]);
    expect(after([event(4, 'call.started', call('a', 'ringing')), event(5, 'call.updated', call('a', 'active'))], state)).toBe(state);
  });

  it('keeps a call that ended until it is forgotten, and never wakes it up', () => {
    const state = after([event(1, 'call.started', call('a')), event(2, 'call.ended', call('a', 'ended')), event(3, 'call.updated', call('a', 'active'))]);
    expect(ids(state)).toEqual(['a:ended']);
    expect(ids(roster(state, { type: 'forget', id: 'a' }))).toEqual([]);
  });

  it('does not forget a call that runs', () => {
    const state = after([event(1, 'call.started', call('a'))]);
    expect(roster(state, { type: 'forget', id: 'a' })).toBe(state);
  });

  it('takes no notice of the end of a call that it never showed', () => {
    expect(ids(after([event(1, 'call.ended', call('a', 'ended'))]))).toEqual([]);
  });

  it('takes a snapshot for the truth, but for later news', () => {
    const state = after([event(3, 'call.started', call('gone')), event(9, 'call.started', call('new', 'ringing', 9))]);
    const merged = roster(state, { type: 'snapshot', calls: [call('kept', 'active', 1)], seq: 8, asked: 3 });
    expect(ids(merged)).toEqual(['new:ringing', 'kept:active']);
    expect(merged.whole).toBe(true);
  });

  it('starts the count anew when the server was started again', () => {
    const state = after([event(900, 'call.started', call('before'))]);
    const merged = roster(state, { type: 'snapshot', calls: [call('now')], seq: 4, asked: 900 });
    expect(ids(merged)).toEqual(['now:active']);
    expect(ids(after([event(5, 'call.ended', call('now', 'ended'))], merged))).toEqual(['now:ended']);
  });

  it('is not changed by the load of the system', () => {
    expect(after([{ type: 'system.load', seq: 1, at, data: { calls: 0, channels: 0, capacity: 0, cpu: 0 } }])).toBe(nobody);
  });
});
