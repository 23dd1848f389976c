import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Feed, Watcher } from '../api/feed';
import type { CallSummary, Event, LivePage, Utterance } from '../api/model';
import { inOrder } from './roster';
import { Floor, Threads } from './store';

/** FakeFeed is a feed that does what the test says. */
class FakeFeed {
  readonly watchers = new Map<string, Watcher>();

  watch(name: string, watcher: Watcher): () => void {
    this.watchers.set(name, watcher);
    return () => this.watchers.delete(name);
  }
}

const at = '2026-11-24T02:00:00Z';
const running = { id: 'a', state: 'active', started_at: at, transcription: {}, quality: null } as unknown as CallSummary;
const final = (seq: number, text: string): Utterance => ({ side: 'caller', seq, segment: seq + 1, start_ms: seq * 1000, end_ms: seq * 1000 + 900, text, raw: text, words: [], spans: [], turn: seq });
const settled = (seq: number, u: Utterance): Event => ({ type: 'transcript.final', seq, at, data: u });

let feed: FakeFeed;

beforeEach(() => {
  vi.useFakeTimers();
  feed = new FakeFeed();
});

afterEach(() => {
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(0);

describe('a thread', () => {
  it('takes a snapshot when joined, and again when the past could not be recovered', async () => {
    const transcript = vi.fn<() => Promise<Utterance[]>>().mockResolvedValueOnce([final(0, 'one')]).mockResolvedValueOnce([final(0, 'one'), final(1, 'two')]);
    const thread = new Threads(feed as unknown as Feed, { live: () => Promise.resolve({ items: [], seq: 3 }), transcript }).of('a');
    const leave = thread.subscribe(() => undefined);
    const watcher = feed.watchers.get('call:a');
    watcher?.onSync();
    await settle();
    expect(thread.get().utterances.map((u) => u.text)).toEqual(['one']);
    watcher?.onSync();
    watcher?.onEvent(settled(9, final(2, 'three')));
    await settle();
    expect(thread.get().utterances.map((u) => u.text)).toEqual(['one', 'two', 'three']);
    leave();
    expect(feed.watchers.size).toBe(0);
  });

  it('asks again when the snapshot fails', async () => {
    const transcript = vi.fn<() => Promise<Utterance[]>>().mockRejectedValueOnce(new Error('away')).mockResolvedValueOnce([final(0, 'one')]);
    const thread = new Threads(feed as unknown as Feed, { live: () => Promise.resolve({ items: [] }), transcript }).of('a');
    thread.subscribe(() => undefined);
    feed.watchers.get('call:a')?.onSync();
    await settle();
    expect(thread.get().whole).toBe(false);
    await vi.advanceTimersByTimeAsync(1000);
    expect(thread.get().whole).toBe(true);
  });

  it('is one for all who read it, and is let go with the last', () => {
    const threads = new Threads(feed as unknown as Feed, { live: () => Promise.resolve({ items: [] }), transcript: () => Promise.resolve([]) });
    const first = threads.of('a');
    const leave = first.subscribe(() => undefined);
    expect(threads.of('a')).toBe(first);
    leave();
    expect(threads.of('a')).not.toBe(first);
  });
});

describe('the floor', () => {
  const live = (page: LivePage) => ({ live: () => Promise.resolve(page), transcript: () => Promise.resolve([]) });

  it('forgets a call some seconds after its end', async () => {
    const floor = new Floor(feed as unknown as Feed, live({ items: [running], seq: 1 }));
    floor.subscribe(() => undefined);
    feed.watchers.get('calls')?.onSync();
    await settle();
    expect(inOrder(floor.get())).toHaveLength(1);
    feed.watchers.get('calls')?.onEvent({ type: 'call.ended', seq: 2, at, data: { ...running, state: 'ended' } });
    expect(inOrder(floor.get())[0]?.state).toBe('ended');
    await vi.advanceTimersByTimeAsync(8000);
    expect(inOrder(floor.get())).toHaveLength(0);
  });

  it('keeps ten minutes of load', () => {
    const floor = new Floor(feed as unknown as Feed, live({ items: [] }));
    floor.subscribe(() => undefined);
    for (let seq = 0; seq < 400; seq++) feed.watchers.get('calls')?.onEvent({ type: 'system.load', seq, at, data: { calls: seq, channels: 0, capacity: 0, cpu: 0 } });
    expect(floor.load()).toHaveLength(300);
    expect(floor.load().at(-1)?.calls).toBe(399);
  });
});
