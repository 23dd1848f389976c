import { describe, expect, it } from 'vitest';
import { changed, inUnit, overOf, sharesOf, type CallListSettings } from './api';

describe('sharesOf', () => {
  it('are the states that have entries, in their order, and make 100', () => {
    const shares = sharesOf({ done: 3, pending: 1, skipped: 0, unknown: 9 });
    expect(shares).toEqual([{ state: 'pending', n: 1, part: 25 }, { state: 'done', n: 3, part: 75 }]);
  });
  it('are none of an empty list', () => expect(sharesOf({})).toEqual([]));
});

describe('overOf', () => {
  it('counts what needs no call any more', () => expect(overOf({ total: 10, counts: { pending: 3, queued: 2, done: 4, refused: 1 } })).toBe(5));
});

describe('inUnit', () => {
  it('takes the largest unit that is whole', () => {
    expect([1, 60, 90, 5400, 7200, 172_800].map((s) => inUnit(s))).toEqual([
      { n: 1, unit: 'second' }, { n: 1, unit: 'minute' }, { n: 90, unit: 'second' }, { n: 90, unit: 'minute' }, { n: 2, unit: 'hour' }, { n: 2, unit: 'day' },
    ]);
  });
});

describe('changed', () => {
  const before: CallListSettings = { name: 'a', queue: 'support', note: 'x', until: '2026-12-01T00:00:00Z', attempts: 3 };
  it('sends what differs, and nothing else', () => {
    expect(changed(before, before)).toEqual({});
    expect(changed(before, { ...before, attempts: 5, note: undefined })).toEqual({ attempts: 5, note: '' });
  });
  it('takes an end away', () => expect(changed(before, { ...before, until: undefined })).toEqual({ until: '0001-01-01T00:00:00Z' }));
});
