// What an agent has sent and the server has not got yet: held for a moment so that it
// can be taken back, kept in this browser so that neither a reload nor a broken
// connection loses it, sent in order, each one once (client_id).
import { request } from '../api/client';
import { Problem } from '../api/problem';
import { send as sendNow, type Attachment, type Message, type Reply } from './data';

/** How a letter stands: `held` may be taken back, `waiting` waits for the connection, the others for the author. */
export type LetterState = 'held' | 'sending' | 'waiting' | 'newer' | 'window' | 'private' | 'failed';

export interface Letter {
  id: string;
  conversation: number;
  reply: Reply;
  files: Attachment[];
  state: LetterState;
  /** When it leaves, of Date.now(). */
  due: number;
  at: number;
  /** Closes the conversation behind it. */
  close?: boolean;
  /** It was looked at for what should not leave, or the author wants it so. */
  checked: boolean;
  /** What should not leave, masked. */
  values?: string[];
  /** Of the server's refusal. */
  status?: number;
}

/** undoTime is how long a reply can be taken back, ms. */
export const undoTime = 5000;
/** most bounds what is kept in the browser. */
export const most = 100;
const again = 3000;

export interface Post {
  /** What in a text should not go to this customer, masked. */
  check: (conversation: number, text: string) => Promise<string[]>;
  send: (conversation: number, reply: Reply) => Promise<Message>;
  close: (conversation: number) => Promise<unknown>;
}

type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const unsettled = (state: LetterState) => state === 'held' || state === 'waiting' || state === 'sending';

function read(store: Store, key: string): Letter[] {
  try {
    const kept: unknown = JSON.parse(store.getItem(key) ?? '[]');
    // What was being sent when the page went is sent again: the server knows it by its client_id.
    return Array.isArray(kept) ? (kept as Letter[]).map((letter) => (letter.state === 'sending' ? { ...letter, state: 'waiting' as const } : letter)) : [];
  } catch {
    return [];
  }
}

/** Outbox belongs to one user of this browser. */
export class Outbox {
  private letters: Letter[];
  private readonly listeners = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private busy = new Set<number>();
  private closed = false;

  constructor(
    private readonly key: string,
    private readonly store: Store,
    private readonly post: Post,
    private readonly onSent: (conversation: number) => void = () => undefined,
  ) {
    this.letters = read(store, key);
    this.arm();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  get = (): readonly Letter[] => this.letters;

  /** put takes a letter; false when the box is full. What waits of the same conversation leaves at once, so that the order stays. */
  put(letter: Omit<Letter, 'state' | 'at' | 'due'>, wait: number): boolean {
    if (this.letters.length >= most) return false;
    const now = Date.now();
    this.change([...this.letters.map((one) => (one.conversation === letter.conversation && one.state === 'held' ? { ...one, due: now } : one)), { ...letter, state: 'held', at: now, due: now + wait }]);
    this.run();
    return true;
  }

  /** take gives a letter back that has not left; undefined when it is too late. */
  take(id: string): Letter | undefined {
    const letter = this.letters.find((one) => one.id === id && one.state !== 'sending');
    if (letter) this.change(this.letters.filter((one) => one !== letter));
    return letter;
  }

  /** now sends a letter without waiting; after a refusal the author has seen what stands there. */
  now(id: string, seen?: number): void {
    this.change(this.letters.map((one) => (one.id === id && one.state !== 'sending' ? { ...one, state: 'held', checked: true, due: Date.now(), reply: seen === undefined ? one.reply : { ...one.reply, seen } } : one)));
    this.run();
  }

  /** online tries what waits for the connection. */
  online = (): void => {
    const now = Date.now();
    this.letters = this.letters.map((one) => (one.state === 'waiting' ? { ...one, due: now } : one));
    this.run();
  };

  stop(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.listeners.clear();
  }

  private change(letters: Letter[]): void {
    this.letters = letters;
    try {
      if (letters.length === 0) this.store.removeItem(this.key);
      else this.store.setItem(this.key, JSON.stringify(letters));
    } catch {
      // A full store keeps what it has; the page still sends.
    }
    for (const listener of this.listeners) listener();
  }

  private set(id: string, part: Partial<Letter>): void {
    this.change(this.letters.map((one) => (one.id === id ? { ...one, ...part } : one)));
  }

  private arm(): void {
    clearTimeout(this.timer);
    if (this.closed) return;
    let next = Infinity;
    const blocked = new Set(this.busy);
    for (const letter of this.letters) {
      if (blocked.has(letter.conversation)) continue;
      blocked.add(letter.conversation);
      if (letter.state === 'held' || letter.state === 'waiting') next = Math.min(next, letter.due);
    }
    if (Number.isFinite(next)) this.timer = setTimeout(() => this.run(), Math.max(0, next - Date.now()));
  }

  private run(): void {
    const now = Date.now();
    const blocked = new Set(this.busy);
    for (const letter of this.letters) {
      if (blocked.has(letter.conversation)) continue;
      // The first of a conversation goes first; one that was refused holds back what follows it.
      blocked.add(letter.conversation);
      if ((letter.state === 'held' || letter.state === 'waiting') && letter.due <= now) void this.deliver(letter);
    }
    this.arm();
  }

  private async deliver(letter: Letter): Promise<void> {
    this.busy.add(letter.conversation);
    this.set(letter.id, { state: 'sending' });
    try {
      const values = letter.checked || letter.reply.note ? [] : await this.post.check(letter.conversation, letter.reply.text);
      if (values.length > 0) {
        this.set(letter.id, { state: 'private', values });
        return;
      }
      await this.post.send(letter.conversation, letter.reply);
      this.change(this.letters.filter((one) => one.id !== letter.id));
      this.onSent(letter.conversation);
      if (letter.close) await this.post.close(letter.conversation).catch(() => undefined);
    } catch (error) {
      this.refused(letter, error);
    } finally {
      this.busy.delete(letter.conversation);
      if (!this.closed) this.run();
    }
  }

  private refused(letter: Letter, error: unknown): void {
    const status = error instanceof Problem ? error.status : 0;
    if (status === 0 || status === 401 || status === 423 || status === 429 || status >= 500) {
      this.set(letter.id, { state: 'waiting', due: Date.now() + again });
      return;
    }
    const type = error instanceof Problem ? error.type : '';
    this.set(letter.id, { status, state: type.endsWith('newer-reply') ? 'newer' : type.includes(':window-') ? 'window' : 'failed' });
    this.onSent(letter.conversation);
  }
}

/** left is whether something of a conversation is on its way. */
export const left = (letters: readonly Letter[]): number => letters.filter((one) => unsettled(one.state)).length;

/** privateIn asks what in a text should not go to this customer. */
export const privateIn = (conversation: number, text: string, signal?: AbortSignal): Promise<string[]> =>
  request<{ private: { value: string }[] }>(`/conversations/${conversation}/check`, { method: 'POST', body: { text }, signal }).then((found) => found.private.map((one) => one.value));

export const post: Post = { send: sendNow, check: privateIn, close: (conversation) => request(`/conversations/${conversation}/close`, { method: 'POST' }) };
