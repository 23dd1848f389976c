// What an agent has sent and the server has not got yet: held for a moment so that it
// can be taken back, kept in this browser so that neither a reload nor a broken
// connection loses it, sent in order, each one once (client_id).
import { request } from '../api/client';
import { Problem } from '../api/problem';
import { noteSent } from '../assist/data';
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

type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

const unsettled = (state: LetterState) => state === 'held' || state === 'waiting' || state === 'sending';

function parse(kept: string | null): Letter | undefined {
  try {
    const letter = JSON.parse(kept ?? '') as Letter;
    // What was being sent when the page went is sent again: the server knows it by its client_id.
    return letter.state === 'sending' ? { ...letter, state: 'waiting' } : letter;
  } catch {
    return undefined;
  }
}

/**
 * Outbox belongs to one user of this browser. Every letter is kept under a key of its own, and the page that
 * has it holds a Web Lock of that name: other pages wait for the lock, so that one of them takes over what a
 * page that went has left, and none sends or forgets what another has.
 */
export class Outbox {
  private letters: Letter[] = [];
  private readonly listeners = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private busy = new Set<number>();
  private closed = false;
  /** By letter, its lock: held or waited for until it is aborted. */
  private readonly locked = new Map<string, AbortController>();

  constructor(
    private readonly key: string,
    private readonly store: Store,
    private readonly post: Post,
    private readonly onSent: (conversation: number) => void = () => undefined,
    // Absent where the page did not come by HTTPS.
    private readonly locks: Pick<LockManager, 'request'> | undefined = 'locks' in navigator ? navigator.locks : undefined,
  ) {
    this.adopt();
  }

  /** adopt takes what lies in the store as soon as no other page has it. */
  private adopt(): void {
    const prefix = `${this.key}.`;
    const keys = Array.from({ length: this.store.length }, (_, i) => this.store.key(i) ?? '').filter((name) => name.startsWith(prefix));
    for (const name of keys) {
      const id = name.slice(prefix.length);
      if (this.locked.has(id)) continue;
      this.lock(id, () => {
        const letter = parse(this.store.getItem(name));
        if (!letter) this.unlock(id);
        else {
          this.letters = [...this.letters, letter].sort((one, other) => one.at - other.at);
          this.tell();
          this.run();
        }
      });
    }
  }

  /** storage looks what another page has put into the store: it may leave it behind. */
  storage = (event: Pick<StorageEvent, 'key' | 'newValue'>): void => {
    if (this.locks && event.newValue && event.key?.startsWith(`${this.key}.`)) this.adopt();
  };

  private lock(id: string, got: () => void = () => undefined): void {
    const ending = new AbortController();
    this.locked.set(id, ending);
    if (!this.locks) {
      got();
      return;
    }
    const held = new Promise<void>((resolve) => ending.signal.addEventListener('abort', () => resolve()));
    const run = () => {
      got();
      return held;
    };
    this.locks.request(`${this.key}.${id}`, { signal: ending.signal }, run).catch(() => undefined);
  }

  private unlock(id: string): void {
    this.locked.get(id)?.abort();
    this.locked.delete(id);
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
    this.lock(letter.id);
    const at = Math.max(now, (this.letters.at(-1)?.at ?? 0) + 1);
    this.change([...this.letters.map((one) => (one.conversation === letter.conversation && one.state === 'held' ? { ...one, due: now } : one)), { ...letter, state: 'held', at, due: now + wait }]);
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
    for (const id of [...this.locked.keys()]) this.unlock(id);
  }

  private change(letters: Letter[]): void {
    const before = this.letters;
    this.letters = letters;
    try {
      // A box that was stopped takes out only: another may have its letters.
      for (const one of this.closed ? [] : letters) if (!before.includes(one)) this.store.setItem(`${this.key}.${one.id}`, JSON.stringify(one));
    } catch {
      // A full store keeps what it has; the page still sends.
    }
    for (const { id } of before) {
      if (letters.some((one) => one.id === id)) continue;
      this.store.removeItem(`${this.key}.${id}`);
      this.unlock(id);
    }
    this.tell();
  }

  private tell(): void {
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

async function sendReply(conversation: number, reply: Reply): Promise<Message> {
  const sent = await sendNow(conversation, reply);
  noteSent({ kind: 'conversation', id: String(conversation) }, reply.text);
  return sent;
}

export const post: Post = { send: sendReply, check: privateIn, close: (conversation) => request(`/conversations/${conversation}/close`, { method: 'POST' }) };
