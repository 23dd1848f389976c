import { describe, expect, it } from 'vitest';
import { merge, type Message } from './data';

const message = (id: number, text = ''): Message => ({ id, text }) as Message;

describe('merge', () => {
  it('keeps each message once, in order, the newer state of it', () => {
    const all = merge([message(1), message(3, 'old')], [message(3, 'new'), message(2), message(4)]);
    expect(all.map((m) => m.id)).toEqual([1, 2, 3, 4]);
    expect(all[2]?.text).toBe('new');
  });
});
