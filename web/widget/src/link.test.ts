import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Link } from './link';
import { Memory } from './store';

/** Server is the other end of every WebSocket that is opened. */
class Server {
  static last: Server;
  static OPEN = 1;
  readyState = 1;
  onopen?: () => void;
  onmessage?: (event: { data: string }) => void;
  onclose?: () => void;
  heard: Record<string, unknown>[] = [];
  constructor() {
    Server.last = this;
    queueMicrotask(() => this.onopen?.());
  }
  send(text: string): void {
    this.heard.push(JSON.parse(text) as Record<string, unknown>);
  }
  say(frame: Record<string, unknown>): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  close(): void {
    this.onclose?.();
  }
  get texts(): unknown[] {
    return this.heard.filter((f) => f.type === 'msg').map((f) => f.text);
  }
}

describe('a link', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    localStorage.clear();
    vi.stubGlobal('WebSocket', Server);
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ token: 't', expires_in: 3600, visitor: 'v' }))));
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
  const open = async () => {
    const nothing = () => undefined;
    const link = new Link({ server: 'http://x', site: 'default', lang: 'en' }, new Memory('test'), { message: nothing, reset: nothing, stranger: nothing, changed: nothing, settled: nothing });
    link.start();
    await vi.advanceTimersByTimeAsync(10);
    Server.last.say({ type: 'welcome', conv: 'c', state: 'open', consent: true });
    return link;
  };

  it('sends nothing behind a message that shall come again', async () => {
    const link = await open();
    link.send({ type: 'msg', text: 'one' }, 'a');
    link.send({ type: 'msg', text: 'two' }, 'b');
    expect(Server.last.texts).toEqual(['one']);
    Server.last.say({ type: 'error', code: 'unavailable', retry: true, client_msg_id: 'a' });
    link.send({ type: 'msg', text: 'three' }, 'c');
    expect(Server.last.texts).toEqual(['one']);
    await vi.advanceTimersByTimeAsync(2100);
    expect(Server.last.texts).toEqual(['one', 'one']);
    for (const id of ['a', 'b', 'c']) Server.last.say({ type: 'ack', client_msg_id: id, seq: 1 });
    expect(Server.last.texts).toEqual(['one', 'one', 'two', 'three']);
    expect(link.pending).toEqual([]);
  });

  it('begins again with the oldest after a cut, and goes on past one that is refused', async () => {
    const link = await open();
    link.send({ type: 'msg', text: 'one' }, 'a');
    link.send({ type: 'msg', text: 'two' }, 'b');
    Server.last.close();
    await vi.advanceTimersByTimeAsync(3000);
    Server.last.say({ type: 'welcome', conv: 'c', state: 'open', consent: true });
    expect(Server.last.texts).toEqual(['one']);
    Server.last.say({ type: 'error', code: 'bad_message', client_msg_id: 'a' });
    expect(Server.last.texts).toEqual(['one', 'two']);
  });

  it('tells a rating again until it is kept', async () => {
    const link = await open();
    const rated = () => Server.last.heard.filter((f) => f.type === 'rate').length;
    link.rate({ type: 'rate', score: 1 });
    expect(rated()).toBe(1);
    Server.last.close();
    await vi.advanceTimersByTimeAsync(3000);
    Server.last.say({ type: 'welcome', conv: 'c', state: 'closed', consent: true });
    await vi.advanceTimersByTimeAsync(1);
    expect(rated()).toBe(1);
    Server.last.say({ type: 'state', conv: 'c', state: 'closed', rated: true, consent: true });
    Server.last.say({ type: 'welcome', conv: 'c', state: 'closed', rated: true, consent: true });
    await vi.advanceTimersByTimeAsync(1);
    expect(rated()).toBe(1);
  });
});
