import { describe, expect, it } from 'vitest';
import { byKey, keysOf, matching, type Action } from './actions';

const action = (id: string, label: string, more: Partial<Action> = {}): Action => ({ id, label, group: 'work', run: () => undefined, ...more });
const all = [action('close', 'Resolve', { code: 'KeyE' }), action('next', 'Resolve and next', { code: 'KeyE', shift: true }), action('go', 'Go to tickets', { group: 'go' }), action('ticket', 'Make a ticket', { code: 'KeyT' })];

describe('actions', () => {
  it('are found by the place of the key and shift', () => {
    expect(byKey(all, 'KeyE', false)?.id).toBe('close');
    expect(byKey(all, 'KeyE', true)?.id).toBe('next');
    expect(byKey(all, 'KeyT', true)).toBeUndefined();
    expect(byKey([...all, action('mine', 'Mine', { code: 'KeyE' })], 'KeyE', false)?.id).toBe('mine');
  });
  it('are found by words, what begins so first', () => {
    expect(matching(all, 'ticket').map((a) => a.id)).toEqual(['ticket', 'go']);
    expect(matching(all, 'res next').map((a) => a.id)).toEqual(['next']);
    expect(matching(all, 'nothing')).toEqual([]);
  });
  it('say their keys', () => expect(all.map(keysOf)).toEqual([['E'], ['⇧', 'E'], [], ['T']]));
});
