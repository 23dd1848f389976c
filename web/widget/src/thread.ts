import { h, icon, linked, put } from './dom';
import { type FileInfo, type Frame, type Link, patience, type Pending } from './link';
import { fill, type Lang, type Words } from './words';

/** A file on its way: shown at once, sent when it is there. */
export interface Upload {
  id: string;
  file: File;
  preview: string;
  failed?: string;
}

export interface Acts {
  choose(seq: number, option: string): void;
  retryUpload(u: Upload): void;
  dropUpload(u: Upload): void;
}

interface Shown {
  node: HTMLElement;
  print: string;
}

/**
 * pieces cuts a text into messages of at most so many UTF-16 units, where a line or a word ends when there is one in
 * its second half, never within a character.
 */
export function pieces(text: string, most: number): string[] {
  const out: string[] = [];
  for (let rest = text; rest; ) {
    let end = rest.length;
    if (end > most) {
      const gap = Math.max(rest.lastIndexOf('\n', most), rest.lastIndexOf(' ', most));
      end = gap > most / 2 ? gap : most;
      if (/[\ud800-\udbff]/.test(rest.charAt(end - 1))) end--;
    }
    out.push(rest.slice(0, end).trim());
    rest = rest.slice(end).trim();
  }
  return out;
}

/** Thread shows the messages: what is there is changed only where something changed, so that a screen reader hears what is new and nothing twice. */
export class Thread {
  readonly root: HTMLElement;
  private messages: Frame[] = [];
  private shown = new Map<string, Shown>();
  private readonly lines: HTMLElement;

  constructor(
    private readonly w: Words,
    private readonly lang: Lang,
    private readonly link: Link,
    private readonly acts: Acts,
  ) {
    this.lines = h('div', { class: 'thread', role: 'log', 'aria-live': 'polite', 'aria-label': w.title, tabindex: '0' });
    this.root = this.lines;
  }

  add(m: Frame): void {
    this.messages.push(m);
  }

  clear(): void {
    this.messages = [];
    this.shown.clear();
    this.lines.replaceChildren();
  }

  get all(): readonly Frame[] {
    return this.messages;
  }

  /** text is the conversation as a file. */
  text(): string {
    return this.messages
      .filter((m) => m.kind !== 'rating' && m.kind !== 'consent')
      .map((m) => {
        const when = m.at ? new Date(m.at).toLocaleString(this.lang) : '';
        const files = (m.files ?? []).map((f) => `[${f.name}]`).join(' ');
        return `${when} ${this.who(m)}: ${[m.kind === 'event' ? this.event(m) : m.text, files].filter(Boolean).join(' ')}`;
      })
      .join('\n');
  }

  /** draw brings the page in line; tail stands behind the messages. */
  draw(uploads: readonly Upload[], tail: HTMLElement[]): void {
    const low = this.lines.scrollHeight - this.lines.scrollTop - this.lines.clientHeight < 80;
    const wanted: { key: string; print: string; make: () => HTMLElement }[] = [];
    const lastAsk = this.messages.findLastIndex((m) => !!m.choices?.length || !!m.feedback);
    const answered = this.messages.slice(lastAsk + 1).some((m) => m.from === 'customer' && m.kind !== 'consent');
    const waiting = this.link.pending.some((p) => p.frame.type === 'choice');
    // What is asked after the end, such as whether it is solved by now, may still be answered.
    const over = this.link.status.state === 'closed' && this.messages.slice(lastAsk).some((m) => m.event === 'closed');
    const lastMine = this.messages.findLastIndex((m) => m.from === 'customer' && m.kind !== 'rating' && m.kind !== 'consent');
    this.messages.forEach((m, i) => {
      if (m.kind === 'rating' || m.kind === 'consent') return;
      const live = i === lastAsk && !answered && !waiting && !over;
      const mark = i === lastMine ? (this.link.status.read >= (m.seq ?? 0) ? 'seen' : 'sent') : '';
      wanted.push({ key: m.client_msg_id ?? `s${m.seq ?? 0}`, print: `${m.seq ?? 0} ${String(live)} ${mark}`, make: () => this.line(m, live, mark) });
    });
    for (const u of uploads) wanted.push({ key: u.id, print: `up ${u.failed ?? ''}`, make: () => this.upload(u) });
    for (const p of this.link.pending) {
      if (!['msg', 'choice', 'human', 'complaint', 'complain'].includes(String(p.frame.type))) continue;
      const late = !p.failed && Date.now() - p.at > patience;
      wanted.push({ key: p.id, print: `p ${p.failed ?? ''} ${String(late)}`, make: () => this.own(p, late) });
    }
    const keys = new Set(wanted.map((one) => one.key));
    for (const [key, { node }] of this.shown) {
      if (keys.has(key)) continue;
      node.remove();
      this.shown.delete(key);
    }
    let at: ChildNode | null = this.lines.firstChild;
    for (const one of wanted) {
      let have = this.shown.get(one.key);
      if (have?.print !== one.print) {
        const node = one.make();
        if (have) {
          if (at === have.node) at = node;
          have.node.replaceWith(node);
        }
        have = { node, print: one.print };
        this.shown.set(one.key, have);
      }
      if (at === have.node) at = at.nextSibling;
      else this.lines.insertBefore(have.node, at);
    }
    const before = [...this.lines.children].slice(wanted.length);
    for (const node of before) if (!tail.includes(node as HTMLElement)) node.remove();
    for (const node of tail) if (node.parentNode !== this.lines) put(this.lines, node);
    if (low) this.down();
  }

  down(): void {
    this.lines.scrollTop = this.lines.scrollHeight;
  }

  private who(m: Frame): string {
    if (m.from === 'customer') return this.w.you;
    return m.name ?? (m.from === 'bot' ? this.w.bot : m.from === 'system' ? this.w.team : this.w.agent);
  }

  private event(m: Frame): string {
    const text = (this.w as Record<string, string>)[m.event ?? ''];
    return text ? fill(text, { name: [this.link.status.agent, m.name].find(Boolean) ?? this.w.agent }) : '';
  }

  private time(at?: string): string {
    if (!at) return '';
    const time = new Date(at);
    const today = time.toDateString() === new Date().toDateString();
    return time.toLocaleString(this.lang, { ...(today ? {} : { month: 'short', day: 'numeric' }), hour: '2-digit', minute: '2-digit' });
  }

  private line(m: Frame, live: boolean, mark: string): HTMLElement {
    if (m.kind === 'event') {
      const text = this.event(m);
      return h('p', { class: 'event', hidden: !text }, text && `${text} · ${this.time(m.at)}`);
    }
    const mine = m.from === 'customer';
    const box = h('div', { class: mine ? 'say me' : 'say' });
    if (m.text) put(box, h('div', { class: 'bubble' }, h('span', { class: 'hush' }, `${this.who(m)}: `), h('bdi', {}, linked(m.text))));
    for (const f of m.files ?? []) put(box, this.file(f));
    if (m.source?.title) put(box, this.source(m.source));
    if (m.choices?.length) {
      put(box, h('div', { class: 'choices', role: 'group' }, ...m.choices.map((c) => h('button', { type: 'button', disabled: !live, onclick: () => this.acts.choose(m.seq ?? 0, c.id) }, c.label))));
    }
    if (m.feedback) {
      const ask = (option: 'solved' | 'unsolved') => h('button', { type: 'button', disabled: !live, onclick: () => this.acts.choose(m.seq ?? 0, option) }, this.w[option]);
      put(box, h('div', { class: 'choices', role: 'group' }, ask('solved'), ask('unsolved')));
    }
    put(box, h('div', { class: 'meta' }, h('span', {}, [mine ? '' : this.who(m), this.time(m.at)].filter(Boolean).join(' · ')), mark && h('span', { 'data-mark': mark }, this.w[mark as 'sent' | 'seen'])));
    return box;
  }

  private source(source: { title: string; url?: string }): HTMLElement {
    const text = fill(this.w.source, { title: source.title });
    if (!source.url) return h('span', { class: 'meta' }, text);
    return h('a', { class: 'meta', href: new URL(source.url, this.link.options.server).href, target: '_blank', rel: 'noopener', 'aria-label': `${text} (${this.w.newPage})` }, text);
  }

  private file(f: FileInfo): HTMLElement {
    const size = f.bytes > 1e6 ? `${(f.bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(f.bytes / 1000))} kB`;
    const a: HTMLAnchorElement = h('a', { class: 'file bubble', href: this.link.fileURL(f.id), download: f.name, onclick: () => a.setAttribute('href', this.link.fileURL(f.id)) });
    if (f.thumb) {
      const picture = h('img', { alt: f.name, src: this.link.fileURL(f.id, true), loading: 'lazy' });
      picture.addEventListener('load', () => this.down(), { once: true });
      a.className = 'file';
      put(a, picture);
    } else put(a, icon('clip'), `${f.name} (${size})`);
    return a;
  }

  private upload(u: Upload): HTMLElement {
    const box = h('div', { class: 'say me' });
    put(box, h('div', { class: u.preview ? 'file' : 'file bubble' }, u.preview ? h('img', { src: u.preview, alt: u.file.name }) : u.file.name));
    put(
      box,
      h(
        'div',
        { class: u.failed ? 'meta bad' : 'meta' },
        h('span', {}, u.failed ?? this.w.sending),
        u.failed && h('button', { type: 'button', onclick: () => this.acts.retryUpload(u) }, this.w.retry),
        u.failed && h('button', { type: 'button', onclick: () => this.acts.dropUpload(u) }, this.w.drop),
      ),
    );
    return box;
  }

  private own(p: Pending, late: boolean): HTMLElement {
    const said = typeof p.frame.text === 'string' ? p.frame.text : '';
    const text = said || (p.frame.type === 'choice' ? this.label(p) : this.w.file);
    const bad = !!p.failed || late;
    return h(
      'div',
      { class: 'say me', 'data-state': bad ? 'failed' : 'sending' },
      h('div', { class: 'bubble' }, h('span', { class: 'hush' }, `${this.w.you}: `), h('bdi', {}, linked(text))),
      h(
        'div',
        { class: bad ? 'meta bad' : 'meta' },
        h('span', {}, bad ? this.w.failed : this.w.sending),
        bad && h('button', { type: 'button', onclick: () => this.link.repeat(p.id) }, this.w.retry),
        bad && h('button', { type: 'button', onclick: () => this.link.discard(p.id) }, this.w.drop),
      ),
    );
  }

  private label(p: Pending): string {
    const option = String(p.frame.option);
    const m = this.messages.find((one) => one.seq === p.frame.message_seq);
    return m?.choices?.find((c) => c.id === option)?.label ?? (option === 'solved' || option === 'unsolved' ? this.w[option] : option);
  }
}
