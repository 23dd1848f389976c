import { describe, expect, it } from 'vitest';
import { filterOf, narrowed, treeOf } from './filter';

describe('filters of the inbox', () => {
  it('are a tree for the server', () =>
    expect(treeOf({ box: 'closed', label: 'refund', urgency: 2, who: '7', waiting: true })).toEqual({
      all: [
        { field: 'state', op: 'is', value: 'closed' },
        { field: 'label', op: 'has', value: 'refund' },
        { field: 'urgency', op: 'least', value: 2 },
        { field: 'assignee', op: 'is', value: 7 },
        { field: 'waiting', op: 'is', value: true },
      ],
    }));
  it('take words for me and nobody', () => expect(treeOf({ who: 'none' }).all?.at(-1)).toEqual({ field: 'assignee', op: 'is', value: 'none' }));
  it('read addresses, and nothing wild', () => {
    expect(filterOf({ box: 'mine', who: 7, urgency: 9, view: -1, waiting: 'yes', channel: { x: 1 } })).toEqual({ box: 'mine', who: '7' });
  });
  it('know whether something is chosen', () => {
    expect(narrowed({ box: 'mine' })).toBe(false);
    expect(narrowed({ urgency: 0 })).toBe(true);
  });
});
