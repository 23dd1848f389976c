import { Memory } from './store';

/** What the server says, see docs/webchat.md. */
export interface Frame {
  type: string;
  conv?: string;
  seq?: number;
  client_msg_id?: string;
  from?: 'customer' | 'bot' | 'agent' | 'system';
  name?: string;
  kind?: string;
  text?: string;
  at?: string;
  files?: FileInfo[];
  choices?: { id: string; label: string }[];
  source?: { title: string; url?: string };
  feedback?: boolean;
  event?: string;
  on?: boolean;
  position?: number;
  eta_s?: number;
  state?: string;
  handler?: string;
  agent?: string;
  rated?: boolean;
  consent?: boolean;
  read?: number;
  code?: string;
  retry?: boolean;
  ref?: string;
}

export interface FileInfo {
  id: string;
  name: string;
  media_type: string;
  bytes: number;
  width?: number;
  height?: number;
  thumb?: boolean;
}

/** Something of ours that the server has not confirmed. */
export interface Pending {
  id: string;
  frame: Record<string, unknown>;
  at: number;
  failed?: string;
}

export interface Status {
  conv: string;
  state: string;
  handler: string;
  agent: string;
  rated: boolean;
  consent: boolean;
  /** seq up to which an agent has read. */
  read: number;
}

export interface Identity {
  user?: string;
  proof?: string;
  jwt?: string;
}

export interface Options {
  server: string;
  site: string;
  lang: string;
  name?: string;
}

/** What the page is told; each is called after the link's own fields were set. */
export interface Listener {
  message(m: Frame): void;
  /** The conversation is another one: what was shown goes. */
  reset(): void;
  /** The visitor is not the one that this browser knew: what that one left is nobody's now. */
  stranger(): void;
  changed(): void;
  settled(id: string, ref?: string): void;
}

export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
  ) {
    super(detail);
  }
}

const openTime = 8000;
const firstWait = 1000;
const longestWait = 30_000;
/** How long polling goes on before a WebSocket is tried again, ms. */
const pollFor = 60_000;
const renewBefore = 120_000;
/** After so long without an answer a message is shown as not sent; it goes on being tried, ms. */
export const patience = 20_000;

/**
 * Link is the connection of one visitor: it keeps the token, sends what is
 * pending until it is confirmed, and gives every message once and in order,
 * whatever happens to the network: by WebSocket, and by long polling where that
 * does not work.
 */
export class Link {
  status: Status = { conv: '', state: 'none', handler: '', agent: '', rated: false, consent: true, read: 0 };
  place?: { position: number; eta?: number };
  typing = false;
  askRating = false;
  /** ready: welcome was said. */
  ready = false;
  by: '' | 'socket' | 'poll' = '';
  pending: Pending[];
  token = '';

  private seq = 0;
  private socket: WebSocket | null = null;
  private started = false;
  private wait = firstWait;
  private misses = 0;
  private pollUntil = 0;
  private again: ReturnType<typeof setTimeout> | undefined;
  private renewal: ReturnType<typeof setTimeout> | undefined;
  private typingEnd: ReturnType<typeof setTimeout> | undefined;
  private polling: AbortController | null = null;
  private sending = false;
  /** The message whose ack is awaited. One at a time: of two, a refused one could come behind its follower. */
  private flying = '';
  private readonly loose: Record<string, unknown>[] = [];
  private expires = 0;
  /** Since when the visitor is who it is now, of Date.now(). */
  private since = Date.now();

  constructor(
    readonly options: Options,
    readonly memory: Memory,
    private readonly listener: Listener,
    private identity: Identity = {},
  ) {
    this.pending = memory.read<Pending[]>('pending') ?? [];
    for (const one of this.pending) delete one.failed;
  }

  /** known: this browser has had a conversation, so something may have come. */
  get known(): boolean {
    return !!this.memory.read('conv') || this.pending.length > 0;
  }

  /** start connects; again does nothing. */
  start(): void {
    if (this.started) return;
    this.started = true;
    window.addEventListener('online', () => this.now());
    void this.connect();
  }

  /** now connects without waiting: the network is back, or the visitor wants it. */
  now(): void {
    if (!this.started || this.ready) return;
    this.wait = firstWait;
    clearTimeout(this.again);
    if (!this.socket && !this.polling) void this.connect();
  }

  /** identify changes who the host says the visitor is. */
  async identify(identity: Identity): Promise<void> {
    this.identity = identity;
    this.since = Date.now();
    this.token = '';
    if (!this.started) return;
    this.drop();
    this.forget();
    await this.connect();
  }

  // --- Tokens.

  private url(path: string, query: Record<string, string | number> = {}): string {
    const all = new URLSearchParams({ site: this.options.site });
    for (const [key, value] of Object.entries(query)) all.set(key, String(value));
    return `${this.options.server}${path}?${all.toString()}`;
  }

  /** session asks for a token, or a newer one. A wrong proof is thrown. */
  async session(): Promise<string> {
    if (this.token && Date.now() < this.expires - 5000) return this.token;
    const old = this.memory.read<string>('token') ?? '';
    const answer = await fetch(this.url('/widget/session'), { method: 'POST', body: JSON.stringify({ token: old, ...this.identity }) });
    if (!answer.ok) throw new Refused(answer.status, await detailOf(answer));
    const got = (await answer.json()) as { token: string; expires_in: number; visitor: string };
    const before = this.memory.read<string>('visitor');
    if (before !== got.visitor) {
      this.forget();
      if (before) this.estrange();
      this.memory.write('visitor', got.visitor);
    }
    this.token = got.token;
    this.expires = Date.now() + got.expires_in * 1000;
    this.memory.write('token', got.token);
    clearTimeout(this.renewal);
    this.renewal = setTimeout(() => {
      this.expires = 0;
      this.session().catch(() => undefined);
    }, Math.max(10_000, got.expires_in * 1000 - renewBefore));
    return this.token;
  }

  /** forget: another visitor, or another conversation. */
  private forget(): void {
    this.seq = 0;
    this.memory.write('conv', undefined);
    this.status = { ...this.status, conv: '', state: 'none', handler: '', agent: '', rated: false, read: 0 };
    this.place = undefined;
    this.askRating = false;
    this.listener.reset();
  }

  /** estrange forgets what a former visitor has written; what was sent since this one is known stays. */
  private estrange(): void {
    this.pending = this.pending.filter((one) => one.at >= this.since);
    this.flying = '';
    this.memory.write('rating', undefined);
    this.keep();
    this.loose.length = 0;
    this.listener.stranger();
  }

  // --- The connection.

  private async connect(): Promise<void> {
    clearTimeout(this.again);
    try {
      await this.session();
    } catch (error) {
      if (error instanceof Refused && (error.status === 401 || error.status === 403 || error.status === 404)) {
        this.listener.changed();
        this.later(longestWait);
        return;
      }
      this.later();
      return;
    }
    if (this.misses >= 2 && Date.now() < this.pollUntil) {
      void this.poll();
      return;
    }
    this.dial();
  }

  private later(wait = this.wait): void {
    this.ready = false;
    this.flying = '';
    this.by = '';
    this.listener.changed();
    clearTimeout(this.again);
    this.again = setTimeout(() => void this.connect(), wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, longestWait);
  }

  private dial(): void {
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.url('/ws/widget').replace(/^http/, 'ws'));
    } catch {
      this.missed();
      return;
    }
    this.socket = socket;
    let welcomed = false;
    const slow = setTimeout(() => socket.close(), openTime);
    socket.onopen = () => this.write(this.hello());
    socket.onmessage = (event) => {
      if (this.socket !== socket) return;
      const frame = JSON.parse(String(event.data)) as Frame;
      if (frame.type === 'welcome' && !welcomed) {
        welcomed = true;
        clearTimeout(slow);
        this.misses = 0;
        this.by = 'socket';
      }
      this.take(frame);
    };
    socket.onclose = () => {
      clearTimeout(slow);
      if (this.socket !== socket) return;
      this.socket = null;
      if (welcomed) this.later();
      else this.missed();
    };
  }

  /** missed: no WebSocket came up. After two in a row the visitor is served by polling. */
  private missed(): void {
    this.socket = null;
    if (++this.misses < 2) {
      this.later();
      return;
    }
    this.pollUntil = Date.now() + pollFor;
    void this.poll();
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.polling?.abort();
    this.polling = null;
    this.ready = false;
    this.flying = '';
    clearTimeout(this.again);
  }

  private hello(): Record<string, unknown> {
    return { type: 'hello', token: this.token, conv: this.status.conv || (this.memory.read<string>('conv') ?? ''), last_seq: this.seq, lang: this.options.lang, page: location.href.slice(0, 2000), name: this.options.name ?? '' };
  }

  private write(frame: Record<string, unknown>): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  private async poll(): Promise<void> {
    if (this.polling) return;
    const polling = new AbortController();
    this.polling = polling;
    let first = true;
    let stand = '';
    try {
      while (!polling.signal.aborted && Date.now() < this.pollUntil) {
        await this.session();
        const query: Record<string, string | number> = { conv: this.status.conv, after: this.seq, stand };
        if (first) query.wait = 0;
        const answer = await fetch(this.url('/widget/poll', query), { headers: { Authorization: `Bearer ${this.token}` }, signal: polling.signal });
        if (answer.status === 401) {
          this.expires = 0;
          continue;
        }
        if (!answer.ok) throw new Refused(answer.status, '');
        const told = (await answer.json()) as { frames: Frame[]; stand?: string };
        // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it may have been aborted while the answer was read
        if (polling.signal.aborted) return;
        this.by = 'poll';
        stand = told.stand ?? '';
        for (const frame of told.frames) this.take(frame);
        this.wait = firstWait;
        first = false;
      }
    } catch {
      if (polling.signal.aborted) return;
      this.polling = null;
      this.later();
      return;
    }
    this.polling = null;
    // One try at a WebSocket; when it does not come up there is polling again.
    if (!polling.signal.aborted) this.dial();
  }

  // --- What comes.

  private take(frame: Frame): void {
    switch (frame.type) {
      case 'welcome':
      case 'state':
        this.stand(frame);
        if (frame.type === 'welcome') {
          const fresh = !this.ready;
          this.ready = true;
          this.wait = firstWait;
          if (fresh) this.flush();
        }
        break;
      case 'msg':
        this.message(frame);
        return;
      case 'ack':
        this.settle(frame.client_msg_id ?? '', frame.ref);
        break;
      case 'typing':
        this.typing = !!frame.on;
        clearTimeout(this.typingEnd);
        if (this.typing) {
          this.typingEnd = setTimeout(() => {
            this.typing = false;
            this.listener.changed();
          }, 8000);
        }
        break;
      case 'read':
        this.status.read = Math.max(this.status.read, frame.seq ?? 0);
        break;
      case 'queue':
        this.place = { position: frame.position ?? 1, eta: frame.eta_s };
        break;
      case 'ask_rating':
        this.askRating = true;
        break;
      case 'error':
        this.fault(frame);
        break;
    }
    this.listener.changed();
  }

  private stand(frame: Frame): void {
    const conv = frame.conv ?? '';
    if (conv !== this.status.conv) {
      if (this.status.conv) {
        this.seq = 0;
        this.askRating = false;
        this.listener.reset();
      }
      this.memory.write('conv', conv || undefined);
    }
    const consent = frame.consent ?? true;
    const agreed = consent && !this.status.consent;
    this.status = {
      conv,
      state: frame.state ?? 'none',
      handler: frame.handler ?? '',
      agent: frame.agent ?? '',
      rated: !!frame.rated,
      consent,
      read: this.status.conv === conv ? this.status.read : 0,
    };
    if (this.status.handler !== 'queue' || this.status.state === 'closed') this.place = undefined;
    if (this.status.rated || this.status.state === 'open') this.askRating = false;
    if (agreed && this.ready) this.flush();
    // A rating has no ack of its own: it goes again until the server says that it is kept.
    const rated = this.memory.read<{ conv: string; frame: Record<string, unknown> }>('rating');
    if (rated && (this.status.rated || rated.conv !== conv)) this.memory.write('rating', undefined);
    else if (rated && frame.type === 'welcome') queueMicrotask(() => this.tell(rated.frame));
  }

  /** rate tells how it was; the first one counts. */
  rate(frame: Record<string, unknown>): void {
    this.memory.write('rating', { conv: this.status.conv, frame });
    this.tell(frame);
  }

  private message(m: Frame): void {
    const seq = m.seq ?? 0;
    if (seq <= this.seq) return;
    this.seq = seq;
    if (m.from === 'agent') this.typing = false;
    if (m.client_msg_id) this.settle(m.client_msg_id);
    this.listener.message(m);
    this.listener.changed();
  }

  private settle(id: string, ref?: string): void {
    const before = this.pending.length;
    this.pending = this.pending.filter((one) => one.id !== id);
    if (this.pending.length !== before) this.keep();
    this.listener.settled(id, ref);
    this.landed(id);
  }

  /** landed lets the next message go. */
  private landed(id: string): void {
    if (this.flying !== id) return;
    this.flying = '';
    this.flush();
  }

  private fault(frame: Frame): void {
    switch (frame.code) {
      case 'token':
        this.memory.write('token', undefined);
        this.renew();
        return;
      case 'token_expired':
        this.renew();
        return;
    }
    const one = this.pending.find((p) => p.id === frame.client_msg_id);
    if (one && frame.code === 'consent_required') {
      this.status.consent = false;
      this.landed(one.id);
    } else if (one && frame.retry) {
      setTimeout(() => this.landed(one.id), 2000);
    } else if (one) {
      one.failed = frame.code ?? 'wrong';
      this.keep();
      this.landed(one.id);
    }
  }

  private renew(): void {
    this.token = '';
    this.expires = 0;
    this.drop();
    void this.connect();
  }

  // --- What goes.

  private keep(): void {
    this.memory.write('pending', this.pending.length > 0 ? this.pending : undefined);
  }

  /** send keeps a frame until the server has it; the id is its own, so that repeating it does no harm. */
  send(frame: Record<string, unknown>, id: string = newID()): string {
    this.pending.push({ id, frame: { ...frame, client_msg_id: id }, at: Date.now() });
    this.keep();
    this.start();
    this.flush();
    setTimeout(() => this.listener.changed(), patience + 100);
    this.listener.changed();
    return id;
  }

  /** repeat sends again what was refused or takes long. */
  repeat(id: string): void {
    const one = this.pending.find((p) => p.id === id);
    if (!one) return;
    delete one.failed;
    one.at = Date.now();
    if (this.flying === id) this.flying = '';
    this.now();
    this.flush();
    this.listener.changed();
  }

  /** discard gives up on a message. */
  discard(id: string): void {
    this.pending = this.pending.filter((p) => p.id !== id);
    this.keep();
    this.landed(id);
    this.listener.changed();
  }

  /** tell sends a frame that nobody confirms; `must` keeps it for the next connection. */
  tell(frame: Record<string, unknown>, must = false): void {
    if (!this.ready) {
      if (must) this.loose.push(frame);
      return;
    }
    if (this.by === 'socket') this.write(frame);
    else void this.post([frame]);
  }

  private flush(): void {
    if (!this.ready) return;
    for (const frame of this.loose.splice(0)) this.tell(frame);
    if (!this.status.consent || this.flying) return;
    const due = this.pending.find((p) => !p.failed);
    if (!due) return;
    this.flying = due.id;
    if (this.by === 'socket') this.write(due.frame);
    else void this.post([due.frame]);
  }

  private async post(frames: Record<string, unknown>[]): Promise<void> {
    if (this.sending) {
      setTimeout(() => void this.post(frames), 200);
      return;
    }
    this.sending = true;
    try {
      const got = await this.ask<{ frames: Frame[] }>('send', { lang: this.options.lang, name: this.options.name ?? '', frames: frames.slice(0, 20) });
      this.sending = false;
      for (const frame of got.frames) this.take(frame);
      // The poll that is out waits for nothing: it began before there was a conversation.
      if (!this.status.conv && this.polling) {
        this.polling.abort();
        this.polling = null;
        void this.poll();
      }
    } catch {
      // What is pending goes again with the next connection.
      this.polling?.abort();
      this.polling = null;
      this.later();
    }
    this.sending = false;
    if (frames.length > 20) void this.post(frames.slice(20));
  }

  /** ask is one of the requests beside the chat. Refused has what is wrong. */
  async ask<T>(what: string, body: unknown): Promise<T> {
    const answer = await this.request(what, body);
    return (await answer.json()) as T;
  }

  async request(what: string, body: unknown, query: Record<string, string> = {}): Promise<Response> {
    await this.session();
    const go = () => fetch(this.url(`/widget/${what}`, query), { method: 'POST', headers: { Authorization: `Bearer ${this.token}` }, body: body instanceof Blob ? body : JSON.stringify(body) });
    let answer = await go();
    if (answer.status === 401) {
      this.expires = 0;
      await this.session();
      answer = await go();
    }
    if (!answer.ok) throw new Refused(answer.status, await detailOf(answer));
    return answer;
  }

  /** upload keeps a file for a message. */
  async upload(file: File): Promise<FileInfo> {
    return (await (await this.request('upload', file, { name: file.name })).json()) as FileInfo;
  }

  /** fileURL is where a file of the conversation is; good for as long as the token. */
  fileURL(id: string, thumb = false): string {
    return `${this.options.server}/widget/file/${encodeURIComponent(id)}?token=${encodeURIComponent(this.token)}${thumb ? '&thumb=1' : ''}`;
  }

  /** phoneURL is where a call of the page goes. */
  phoneURL(): string {
    return this.url('/ws/call').replace(/^http/, 'ws');
  }

  async site<T>(): Promise<T> {
    const answer = await fetch(this.url('/widget/site', { lang: this.options.lang }));
    if (!answer.ok) throw new Refused(answer.status, await detailOf(answer));
    return (await answer.json()) as T;
  }
}

/** detailOf reads a problem document. */
async function detailOf(answer: Response): Promise<string> {
  try {
    return ((await answer.json()) as { detail?: string }).detail ?? '';
  } catch {
    return '';
  }
}

/** newID names a message; randomUUID is there in secure pages only. */
export function newID(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
}
