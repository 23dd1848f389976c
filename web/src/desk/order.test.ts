import { describe, expect, it } from 'vitest';
import { hold, type Placed } from './order';

const now = (...keys: string[]): Placed[] => keys.map((key) => ({ key, group: 'now' }));

describe('hold', () => {
  it('changes nothing that is in order', () => expect(hold(['a', 'b'], now('a', 'b'))).toEqual({ order: ['a', 'b'], more: 0 }));
  it('leaves what overtakes where it was, and counts it', () => expect(hold(['a', 'b', 'c'], now('c', 'a', 'b'))).toEqual({ order: ['a', 'b', 'c'], more: 1 }));
  it('puts what is new at the end, and counts it when it is more urgent', () => {
    expect(hold(['a', 'b'], now('x', 'a', 'y', 'b'))).toEqual({ order: ['a', 'b', 'x', 'y'], more: 2 });
    expect(hold(['a', 'b'], now('a', 'b', 'x'))).toEqual({ order: ['a', 'b', 'x'], more: 0 });
  });
  it('keeps the place of what is gone', () => expect(hold(['a', 'b', 'c'], now('a', 'c'))).toEqual({ order: ['a', 'b', 'c'], more: 0 }));
  it('does not count what nobody has to do now', () => expect(hold(['a', 'b'], [{ key: 'b', group: 'waiting' }, ...now('a')])).toEqual({ order: ['a', 'b'], more: 0 }));
});
