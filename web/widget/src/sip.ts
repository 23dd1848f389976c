/**
 * As much of SIP as one call of a page needs (RFC 3261 over RFC 7118): an INVITE
 * with a bearer token, and what comes in its dialog. No registration, no second
 * call: the right to this one is used up by it.
 */

export interface Ticket {
  user: string;
  domain: string;
  token: string;
  number: string;
  ice_servers: { urls: string[]; username: string; credential: string }[];
}

export interface CallEvents {
  ringing(): void;
  /** The other side answered, or sends sound before it does. */
  media(sdp: string, final: boolean): Promise<void>;
  /** The other side wants to change something; the answer is our description. */
  offer(sdp: string): Promise<string>;
  /** status is that of a refusal, 0 after a call that had begun. */
  ended(status: number): void;
}

export interface Message {
  first: string;
  /** Names in small letters; several of a name are joined as they came. */
  headers: Map<string, string[]>;
  body: string;
}

/** parse reads a message; undefined for what is none. */
export function parse(text: string): Message | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = text.slice(0, end).replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  if (!/^SIP\/2\.0 \d{3}|^[A-Z]+ \S+ SIP\/2\.0$/.test(first)) return undefined;
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const at = line.indexOf(':');
    if (at < 1) return undefined;
    const short = line.slice(0, at).trim().toLowerCase();
    const name = { v: 'via', f: 'from', t: 'to', i: 'call-id', m: 'contact', l: 'content-length', c: 'content-type' }[short] ?? short;
    headers.set(name, [...(headers.get(name) ?? []), line.slice(at + 1).trim()]);
  }
  return { first, headers, body: text.slice(end + 4) };
}

const one = (m: Message, name: string): string => m.headers.get(name)?.[0] ?? '';
const random = (): string => [...crypto.getRandomValues(new Uint8Array(10))].map((b) => (b % 36).toString(36)).join('');

export class SIPCall {
  private socket: WebSocket | null = null;
  private readonly host = `${random()}.invalid`;
  private readonly tag = random();
  private readonly id = random() + random();
  private branch = '';
  private cseq = 1;
  private to: string;
  private target: string;
  private routes: string[] = [];
  private phase: 'new' | 'calling' | 'talking' | 'over' = 'new';
  private cancelling = false;
  private early = false;

  constructor(
    private readonly ticket: Ticket,
    private readonly events: CallEvents,
  ) {
    this.target = `sip:${ticket.number}@${ticket.domain}`;
    this.to = `<${this.target}>`;
  }

  /** dial opens the connection and calls. */
  dial(url: string, sdp: string): void {
    const socket = new WebSocket(url, 'sip');
    this.socket = socket;
    this.phase = 'calling';
    socket.onopen = () => {
      this.branch = `z9hG4bK${random()}`;
      this.request('INVITE', this.branch, this.cseq, ['Authorization: Bearer ' + this.ticket.token, ...this.common(), 'Content-Type: application/sdp'], sdp);
    };
    socket.onmessage = (event) => {
      const text = String(event.data);
      if (text === '\r\n\r\n') {
        socket.send('\r\n');
        return;
      }
      const m = parse(text);
      if (m && one(m, 'call-id') === this.id) void this.take(m);
    };
    socket.onclose = () => {
      if (this.phase !== 'over') this.end(this.phase === 'talking' ? 0 : 503);
    };
  }

  /** hangUp ends the call in whatever state it is. */
  hangUp(): void {
    if (this.phase === 'talking') {
      this.request('BYE', `z9hG4bK${random()}`, ++this.cseq, []);
      this.end(0);
    } else if (this.phase === 'calling') {
      this.cancelling = true;
      if (this.early) this.request('CANCEL', this.branch, this.cseq, []);
      // An answer to it ends the call; without one the connection does.
      setTimeout(() => this.end(487), 2000);
    }
  }

  private common(): string[] {
    return [`Contact: <sip:${this.ticket.user}@${this.host};transport=ws>`, 'Allow: INVITE, ACK, CANCEL, BYE, UPDATE, INFO, OPTIONS', 'User-Agent: Tingxin widget'];
  }

  private request(method: string, branch: string, cseq: number, more: string[], body = ''): void {
    const lines = [
      `${method} ${this.target} SIP/2.0`,
      `Via: SIP/2.0/WSS ${this.host};branch=${branch}`,
      ...this.routes.map((r) => `Route: ${r}`),
      'Max-Forwards: 70',
      `From: <sip:${this.ticket.user}@${this.ticket.domain}>;tag=${this.tag}`,
      `To: ${method === 'CANCEL' ? this.to.replace(/;tag=.*$/, '') : this.to}`,
      `Call-ID: ${this.id}`,
      `CSeq: ${cseq} ${method}`,
      ...more,
    ];
    this.write(lines, body);
  }

  private write(lines: string[], body: string): void {
    const length = new TextEncoder().encode(body).length;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send([...lines, `Content-Length: ${length}`, '', body].join('\r\n'));
  }

  private async take(m: Message): Promise<void> {
    const status = /^SIP\/2\.0 (\d{3})/.exec(m.first);
    if (status) await this.response(m, Number(status[1]));
    else await this.asked(m, m.first.split(' ')[0] ?? '');
  }

  private async response(m: Message, status: number): Promise<void> {
    const [number, method] = one(m, 'cseq').split(' ');
    if (method !== 'INVITE' || Number(number) !== this.cseq || this.phase === 'over') return;
    if (status < 200) {
      this.early = true;
      if (this.cancelling) this.request('CANCEL', this.branch, this.cseq, []);
      else if (status > 100) {
        if (m.body) await this.events.media(m.body, false);
        this.events.ringing();
      }
      return;
    }
    this.to = one(m, 'to') || this.to;
    if (status >= 300) {
      this.request('ACK', this.branch, this.cseq, []);
      this.end(status);
      return;
    }
    this.routes = [...(m.headers.get('record-route') ?? [])].reverse();
    const contact = /<([^>]+)>/.exec(one(m, 'contact'))?.[1];
    if (contact) this.target = contact;
    const first = this.phase === 'calling';
    this.phase = 'talking';
    this.request('ACK', `z9hG4bK${random()}`, this.cseq, []);
    if (!first) return;
    if (this.cancelling) {
      this.hangUp();
      return;
    }
    try {
      await this.events.media(m.body, true);
    } catch {
      this.hangUp();
    }
  }

  private answer(m: Message, status: string, more: string[] = [], body = ''): void {
    const copied = ['via', 'from', 'to', 'call-id', 'cseq', 'record-route'].flatMap((name) => (m.headers.get(name) ?? []).map((value) => `${name}: ${value}`));
    this.write([`SIP/2.0 ${status}`, ...copied, ...more], body);
  }

  private async asked(m: Message, method: string): Promise<void> {
    switch (method) {
      case 'ACK':
        return;
      case 'BYE':
        this.answer(m, '200 OK');
        this.end(0);
        return;
      case 'INVITE':
      case 'UPDATE': {
        const contact = /<([^>]+)>/.exec(one(m, 'contact'))?.[1];
        if (contact) this.target = contact;
        if (!m.body) {
          // An INVITE without a description is never sent to a browser; an UPDATE without one keeps the session alive.
          this.answer(m, method === 'UPDATE' ? '200 OK' : '488 Not Acceptable Here', this.common());
          return;
        }
        try {
          const sdp = await this.events.offer(m.body);
          this.answer(m, '200 OK', [...this.common(), 'Content-Type: application/sdp'], sdp);
        } catch {
          this.answer(m, '488 Not Acceptable Here');
        }
        return;
      }
      case 'INFO':
      case 'OPTIONS':
        this.answer(m, '200 OK', this.common());
        return;
      default:
        this.answer(m, '405 Method Not Allowed', this.common());
    }
  }

  private end(status: number): void {
    if (this.phase === 'over') return;
    this.phase = 'over';
    const socket = this.socket;
    // What was written last goes out before the connection closes.
    setTimeout(() => socket?.close(), 500);
    this.events.ended(status);
  }
}
