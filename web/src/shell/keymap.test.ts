import { afterEach, describe, expect, it } from 'vitest';
import { byKey, keysOf, type Action } from './actions';
import { holder, keyOf, readKeys, resetKeys, setKey, usable } from './keymap';

const ticket: Action = { id: 'ticket', group: 'work', label: 'Make a ticket', code: 'KeyT', run: () => undefined };

describe('keys', () => {
  afterEach(resetKeys);
  it('are those of the actions until the user gives others', () => {
    expect(byKey([ticket], 'KeyT', false)).toBe(ticket);
    setKey('ticket', { code: 'KeyX', shift: true });
    expect(byKey([ticket], 'KeyT', false)).toBeUndefined();
    expect(byKey([ticket], 'KeyX', true)).toBe(ticket);
    expect(keysOf(ticket)).toEqual(['⇧', 'X']);
    expect(readKeys(localStorage.getItem('tingxin.keys'))).toEqual({ ticket: { code: 'KeyX', shift: true } });
    setKey('ticket', undefined);
    expect(byKey([ticket], 'KeyT', false)).toBe(ticket);
  });
  it('belong to one action', () => {
    expect(holder({ code: 'KeyE' }, 'ticket')).toBe('resolve');
    setKey('resolve', { code: 'KeyY' });
    expect(holder({ code: 'KeyE' }, 'ticket')).toBeUndefined();
    expect(holder({ code: 'KeyE', shift: true }, 'ticket')).toBe('resolveNext');
  });
  it('leave out what is none', () => {
    expect(['KeyG', 'Escape', 'Digit1', 'KeyQ'].map(usable)).toEqual([false, false, false, true]);
    for (const text of ['', '[', 'null', '{"ticket":null}', '{"ticket":{"code":"KeyG"}}', '{"other":{"code":"KeyQ"}}']) expect(readKeys(text)).toEqual({});
    expect(keyOf('unknown', { code: 'KeyQ' }).code).toBe('KeyQ');
  });
});
