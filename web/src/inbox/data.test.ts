import { describe, expect, it } from 'vitest';
import { merge, type Message } from './data';
import { beginsDay, foldable } from './thread';

const message = (id: number, text = ''): Message => ({ id, text }) as Message;

describe('merge', () => {
  it('keeps each message once, in order, the newer state of it', () => {
    const all = merge([message(1), message(3, 'old')], [message(3, 'new'), message(2), message(4)]);
    expect(all.map((m) => m.id)).toEqual([1, 2, 3, 4]);
    expect(all[2]?.text).toBe('new');
  });
});

describe('foldable', () => {
  const line = (who: string, i: number) => ({ id: i, author: { kind: who }, direction: who === 'customer' ? 'in' : 'out' }) as Message;
  const thread = (...who: string[]) => who.map(line);
  it('is the bot\'s part after a handover, but for the last question', () => {
    expect(foldable(thread('customer', 'bot', 'customer', 'bot', 'customer', 'bot', 'agent'), 'agent')).toBe(4);
    expect(foldable(thread('customer', 'bot', 'customer', 'bot', 'customer', 'agent', 'customer'), 'agent')).toBe(4);
  });
  it('ends where an agent begins, when the bot has spoken again since', () => {
    expect(foldable(thread('customer', 'bot', 'customer', 'bot', 'customer', 'agent', 'customer', 'bot', 'agent'), 'agent')).toBe(4);
    expect(foldable(thread('customer', 'agent', 'customer', 'bot', 'customer', 'bot', 'customer', 'bot'), 'queue')).toBe(0);
  });
  it('is nothing while the bot is at it, or when it is short', () => {
    expect(foldable(thread('customer', 'bot', 'customer', 'bot', 'customer', 'bot'), 'bot')).toBe(0);
    expect(foldable(thread('customer', 'bot', 'customer', 'bot'), 'queue')).toBe(0);
    expect(foldable(thread('customer', 'agent'), 'agent')).toBe(0);
  });
});

describe('beginsDay', () => {
  const at = (day: number, hour: number) => ({ at: new Date(2025, 6, day, hour).toISOString() });
  const now = new Date(2025, 6, 9, 18).getTime();
  it('is the first message of each day, and of today only when there is one before', () => {
    expect(beginsDay(at(7, 23), undefined, now)).toBe(true);
    expect(beginsDay(at(8, 0), at(7, 23), now)).toBe(true);
    expect(beginsDay(at(8, 1), at(8, 0), now)).toBe(false);
    expect(beginsDay(at(9, 9), at(8, 1), now)).toBe(true);
    expect(beginsDay(at(9, 9), undefined, now)).toBe(false);
  });
});
