import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import type { Message } from './data';
import { Outbox, undoTime, type Post } from './outbox';

const reply = (text: string) => ({ text, note: false, files: [], seen: 1, client_id: text });
const letter = (text: string, conversation = 1) => ({ id: text, conversation, reply: reply(text), files: [], checked: true });

class Drawer {
  kept = new Map<string, string>();
  get length() {
    return this.kept.size;
  }
  key = (i: number) => [...this.kept.keys()][i] ?? null;
  getItem = (key: string) => this.kept.get(key) ?? null;
  setItem = (key: string, value: string) => void this.kept.set(key, value);
  removeItem = (key: string) => void this.kept.delete(key);
}

/** As navigator.locks does it: who asks waits until whoever has the name lets it go. */
class Locks {
  private queues = new Map<string, Promise<unknown>>();
  request = async (name: string, options: { signal?: AbortSignal }, run: () => unknown): Promise<never> => {
    const before = this.queues.get(name);
    let free: () => void = () => undefined;
    const mine = new Promise<undefined>((resolve) => (free = () => resolve(undefined)));
    this.queues.set(name, Promise.all([before, mine]));
    await before;
    if (!options.signal?.aborted) await run();
    free();
    return undefined as never;
  };
}

let sent: string[];
let locks: Locks;
let drawer: Drawer;
let fails: Problem | undefined;
const post: Post = {
  send: (_, { text }) => {
    if (fails) return Promise.reject(fails);
    sent.push(text);
    return Promise.resolve({} as Message);
  },
  check: (_, text) => Promise.resolve(text.includes('card') ? ['41****11'] : []),
  close: (id) => {
    sent.push(`close ${id}`);
    return Promise.resolve();
  },
};
const open = () => new Outbox('box', drawer, post, undefined, locks as unknown as LockManager);

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  fails = undefined;
  drawer = new Drawer();
  locks = new Locks();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('Outbox', () => {
  it('holds a reply for as long as it can be taken back', async () => {
    const box = open();
    box.put(letter('a'), undoTime);
    await vi.advanceTimersByTimeAsync(undoTime - 1);
    expect(sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(sent).toEqual(['a']);
    expect(box.get()).toEqual([]);
    expect(drawer.kept.size).toBe(0);
  });
  it('gives a letter back, which then never leaves', async () => {
    const box = open();
    box.put(letter('a'), undoTime);
    expect(box.take('a')?.reply.text).toBe('a');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sent).toEqual([]);
  });
  it('sends the one before at once when the next is written, in order', async () => {
    const box = open();
    box.put(letter('a'), undoTime);
    box.put(letter('b'), undoTime);
    box.put(letter('other', 2), undoTime);
    await vi.advanceTimersByTimeAsync(0);
    expect(sent).toEqual(['a']);
    await vi.advanceTimersByTimeAsync(undoTime);
    expect(sent.sort()).toEqual(['a', 'b', 'other']);
  });
  it('waits for the connection and keeps the order', async () => {
    const box = open();
    fails = new Problem(0);
    box.put(letter('a'), 0);
    box.put(letter('b'), 0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(box.get().map((one) => one.state)).toEqual(['waiting', 'held']);
    fails = undefined;
    box.online();
    await vi.advanceTimersByTimeAsync(0);
    expect(sent).toEqual(['a', 'b']);
  });
  it('loses nothing by a reload', async () => {
    const before = open();
    before.put(letter('a'), undoTime);
    before.put(letter('b', 2), undoTime);
    before.stop();
    const box = open();
    await vi.advanceTimersByTimeAsync(0);
    expect(box.get().map((one) => one.id)).toEqual(['a', 'b']);
    await vi.advanceTimersByTimeAsync(undoTime);
    expect(sent).toEqual(['a', 'b']);
    expect(drawer.kept.size).toBe(0);
  });
  it('leaves to another page what that one has, until it goes', async () => {
    const one = open();
    one.put(letter('a'), undoTime);
    const other = open();
    await vi.advanceTimersByTimeAsync(0);
    expect(other.get()).toEqual([]);
    other.put(letter('b', 2), undoTime);
    one.put(letter('c', 3), 60_000);
    other.storage({ key: 'box.c', newValue: '{}' });
    await vi.advanceTimersByTimeAsync(undoTime);
    expect([...sent].sort()).toEqual(['a', 'b']);
    expect([...drawer.kept.keys()]).toEqual(['box.c']);
    expect(other.get()).toEqual([]);
    one.stop();
    await vi.advanceTimersByTimeAsync(0);
    expect(other.get().map((l) => l.id)).toEqual(['c']);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sent.at(-1)).toBe('c');
    expect(sent).toHaveLength(3);
  });
  it('leaves what crosses somebody else\'s reply to the author, and sends it when that one wants', async () => {
    const box = open();
    fails = new Problem(409, { type: 'urn:tingxin:newer-reply' });
    box.put(letter('a'), 0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(box.get()[0]?.state).toBe('newer');
    fails = undefined;
    box.now('a', 9);
    await vi.advanceTimersByTimeAsync(0);
    expect(sent).toEqual(['a']);
  });
  it('does not send what should not leave, unless the author wants it', async () => {
    const box = open();
    box.put({ ...letter('my card'), checked: false }, 0);
    await vi.advanceTimersByTimeAsync(0);
    expect(box.get()[0]).toMatchObject({ state: 'private', values: ['41****11'] });
    box.now('my card');
    await vi.advanceTimersByTimeAsync(0);
    expect(sent).toEqual(['my card']);
  });
  it('does not wake again and again for what a refused reply holds back', async () => {
    const box = open();
    fails = new Problem(409, { type: 'urn:tingxin:newer-reply' });
    box.put(letter('a'), 0);
    box.put(letter('b'), 0);
    await vi.advanceTimersByTimeAsync(0);
    expect(box.get().map((one) => one.state)).toEqual(['newer', 'held']);
    expect(vi.getTimerCount()).toBe(0);
  });
  it('closes behind the reply that asks for it, not before', async () => {
    const box = open();
    box.put({ ...letter('a'), close: true }, undoTime);
    await vi.advanceTimersByTimeAsync(undoTime);
    expect(sent).toEqual(['a', 'close 1']);
  });
});
