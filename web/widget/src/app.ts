import { h, icon, put, type IconName } from './dom';
import { type Identity, Link, newID, type Options, Refused } from './link';
import { Phone } from './phone';
import type { Ticket } from './sip';
import { Memory } from './store';
import { brand, css } from './style';
import { pieces, Thread, type Upload } from './thread';
import { fill, type Lang, langOf, words, type Words } from './words';

interface Notice {
  version: string;
  text: Record<string, string>;
  url?: string;
  purposes: string[];
}

export interface Site {
  notice?: Notice | null;
  greeting?: Record<string, string> | null;
  hours?: Record<string, string> | null;
  title?: Record<string, string> | null;
  button?: Record<string, string> | null;
  questions?: Record<string, string[]> | null;
  popular?: { text: string; url: string }[] | null;
  desk?: { open: boolean; opens?: string; wait_s: number };
  color?: string;
  position?: string;
  theme?: string;
  files?: boolean;
  max_file?: number;
  call?: boolean;
  callback?: boolean;
  letters?: boolean;
  tickets?: boolean;
  privacy?: boolean;
}

interface Seen {
  conv: string;
  seq: number;
}

type View = 'home' | 'talk' | 'menu' | 'letter' | 'ticket' | 'callback' | 'call' | 'complain' | 'consents' | 'erase';

interface TicketStatus {
  ref: string;
  subject: string;
  state: string;
  updated_at: string;
  said: { from: string; text: string; at: string }[];
}

export interface Settings {
  server: string;
  site?: string;
  mode?: string;
  target?: string;
  lang?: string;
  theme?: string;
  name?: string;
  user?: string;
  proof?: string;
  jwt?: string;
}

/** What of a message, a letter and a complaint the server takes, UTF-16 units: fewer than its bytes allow. */
const mostMessage = 2000;
const mostLetter = 4000;
const mostComplaint = 2000;

const accept = '.jpg,.jpeg,.png,.gif,.webp,.pdf,.txt,.zip,.docx,.xlsx,.pptx,.doc,.xls,.ppt,.mp3,.wav,.ogg,.mp4,.webm';
const chips: Record<'good' | 'bad', (keyof Words)[]> = { good: ['quick', 'friendly', 'useful'], bad: ['slow', 'rude', 'useless', 'unclear'] };

/** App is the widget in a page. */
export class App {
  private readonly host: HTMLElement;
  private readonly root: ShadowRoot;
  private readonly lang: Lang;
  private readonly w: Words;
  private readonly memory: Memory;
  private readonly link: Link;
  private readonly thread: Thread;
  private readonly mode: 'float' | 'inline' | 'page';
  private site: Site = {};
  private view: View = 'home';
  private open = false;
  /** What was seen of which conversation: the messages of each are counted from one. */
  private seen: Seen = { conv: '', seq: 0 };
  private uploads: Upload[] = [];
  private rating: HTMLElement | null = null;
  private ratedHere = '';
  private call: Phone | null = null;
  /** redraw draws the call as it is shown now: it may outlive the view in which it began. */
  private redraw: () => void = () => undefined;
  private held: (() => void)[] = [];
  private typingSent = 0;
  /** What was begun in the forms, by their titles. */
  private readonly begun = new Map<string, Record<string, string>>();
  private readonly settling = new Map<string, (ref?: string) => void>();

  private launcher!: HTMLButtonElement;
  private panel!: HTMLElement;
  private head!: HTMLElement;
  private body!: HTMLElement;
  private bar!: HTMLElement;
  private box: HTMLTextAreaElement | null = null;

  constructor(
    private readonly settings: Settings,
    place: Node,
  ) {
    const site = settings.site ?? 'default';
    this.lang = langOf(settings.lang ?? (document.documentElement.lang || navigator.language));
    this.w = words(this.lang);
    this.mode = settings.mode === 'page' || settings.mode === 'inline' ? settings.mode : 'float';
    this.memory = new Memory(`tingxin.${site}.`);
    const options: Options = { server: settings.server, site, lang: this.lang, name: settings.name };
    this.link = new Link(
      options,
      this.memory,
      {
        message: (m) => {
          this.thread.add(m);
          if (m.from === 'customer') this.seen = { conv: this.link.status.conv, seq: Math.max(this.seenTo, m.seq ?? 0) };
          if (this.watching()) this.markSeen();
        },
        reset: () => this.thread.clear(),
        stranger: () => {
          this.seen = { conv: '', seq: 0 };
          this.held = [];
          this.uploads = [];
          if (this.box) this.box.value = '';
          this.begun.clear();
          for (const key of ['draft', 'allowed', 'seen']) this.memory.write(key, undefined);
        },
        changed: () => this.update(),
        settled: (id, ref) => {
          this.settling.get(id)?.(ref);
          this.settling.delete(id);
        },
      },
      identityOf(settings),
    );
    this.thread = new Thread(this.w, this.lang, this.link, {
      choose: (seq, option) => this.link.send({ type: 'choice', message_seq: seq, option }),
      retryUpload: (u) => void this.upload(u),
      dropUpload: (u) => {
        this.uploads = this.uploads.filter((one) => one !== u);
        this.update();
      },
    });
    this.host = h('div', { id: 'tingxin-widget', 'data-mode': this.mode, lang: this.lang, translate: 'no' });
    this.root = this.host.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.root.adoptedStyleSheets = [sheet];
    const seen = this.memory.read<Seen | number>('seen');
    if (typeof seen === 'object') this.seen = seen;
    this.build();
    place.appendChild(this.host);
    this.paint();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.paint());
    document.addEventListener('visibilitychange', () => this.watching() && this.markSeen());
    void this.load();
  }

  // --- What a page may do.

  show(): void {
    if (this.open && this.mode === 'float') return;
    this.open = true;
    this.host.toggleAttribute('data-open', true);
    this.launcher.hidden = true;
    this.panel.hidden = false;
    this.memory.write('open', true);
    if (this.link.known) this.link.start();
    this.go(this.view === 'home' && this.link.known ? 'talk' : this.view);
  }

  hide(): void {
    if (this.mode !== 'float') return;
    this.open = false;
    this.host.toggleAttribute('data-open', false);
    this.launcher.hidden = false;
    this.panel.hidden = true;
    this.memory.write('open', undefined);
    this.update();
    this.launcher.focus();
  }

  ask(text: string): void {
    this.show();
    this.say(text);
  }

  identify(identity: Identity): void {
    void this.link.identify(identity);
  }

  // --- The frame.

  private async load(): Promise<void> {
    try {
      this.site = await this.link.site<Site>();
    } catch (error) {
      // No such site, or not for this page: there is nothing to show.
      if (error instanceof Refused && (error.status === 403 || error.status === 404)) {
        this.host.hidden = true;
        return;
      }
    }
    this.paint();
    if (this.mode !== 'float') this.show();
    else if (this.memory.read('open') && matchMedia('(min-width: 481px)').matches) this.show();
    else if (this.link.known) this.link.start();
    if (this.open) this.go(this.view);
    else this.update();
  }

  private text(map?: Record<string, string> | null): string | undefined {
    return map?.[this.lang];
  }

  private paint(): void {
    const theme = this.settings.theme ?? this.site.theme ?? 'auto';
    const dark = theme === 'dark' || (theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
    this.host.toggleAttribute('data-dark', dark);
    this.host.setAttribute('data-side', this.site.position ?? 'right');
    for (const [name, value] of Object.entries(brand(this.site.color ?? '', dark))) this.host.style.setProperty(name, value);
  }

  private build(): void {
    this.launcher = h('button', { type: 'button', class: 'launcher', 'aria-expanded': 'false', 'aria-haspopup': 'dialog', 'aria-label': this.w.open, onclick: () => this.show() });
    this.head = h('header', { class: 'head' });
    this.body = h('div', { class: 'body' });
    this.bar = h('div', { class: 'bar', role: 'status', 'aria-live': 'polite' });
    const role = this.mode === 'float' ? 'dialog' : 'region';
    this.panel = h('section', { class: 'panel', role, 'aria-label': this.w.title, hidden: true }, this.head, this.body);
    this.panel.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !event.isComposing) {
        event.stopPropagation();
        if (this.view === 'home' || this.view === 'talk') this.hide();
        else this.go('talk');
      }
    });
    put(this.root, this.panel, this.launcher);
    if (this.mode !== 'float') this.launcher.hidden = true;
    this.update();
  }

  private round(name: IconName, label: string, onclick: () => void, more: Record<string, string | boolean> = {}): HTMLButtonElement {
    return h('button', { type: 'button', class: 'round', 'aria-label': label, title: label, onclick, ...more }, icon(name));
  }

  /** go opens a view and sets the focus where one goes on. */
  private go(view: View): void {
    if (this.call && view !== 'call' && this.call.phase !== 'ended' && this.call.phase !== 'failed') view = 'call';
    const first = this.view !== view || this.body.childElementCount === 0;
    this.view = view;
    this.box = null;
    this.body.replaceChildren();
    const views: Record<View, () => Node> = {
      home: () => this.home(),
      talk: () => this.talk(),
      menu: () => this.menu(),
      letter: () => this.letter(),
      ticket: () => this.ticket(),
      callback: () => this.callback(),
      call: () => this.phone(),
      complain: () => this.complain(),
      consents: () => this.consents(),
      erase: () => this.erase(),
    };
    put(this.body, views[view]());
    this.update();
    if (!this.open || (this.mode !== 'float' && !first)) return;
    const target = this.body.querySelector<HTMLElement>('[data-focus]') ?? this.body.querySelector<HTMLElement>('input:not([type=file]), textarea, button:not(:disabled)');
    // A page that has the chat inside keeps its own focus until somebody goes there.
    if (this.mode === 'float' || this.root.activeElement || document.activeElement === this.host) target?.focus();
    if (view === 'talk') {
      this.thread.down();
      this.markSeen();
    }
  }

  private watching(): boolean {
    return this.open && this.view === 'talk' && document.visibilityState === 'visible';
  }

  /** seenTo is the last message that was seen of the conversation. */
  private get seenTo(): number {
    return this.seen.conv === this.link.status.conv ? this.seen.seq : 0;
  }

  private markSeen(): void {
    const last = this.thread.all.at(-1)?.seq ?? 0;
    if (last <= this.seenTo) return;
    this.seen = { conv: this.link.status.conv, seq: last };
    this.memory.write('seen', this.seen);
    this.link.tell({ type: 'read', seq: last });
  }

  /** update shows what changed without touching what somebody may be using. */
  private update(): void {
    const { status } = this.link;
    const title = this.text(this.site.title) ?? this.w.title;
    const inner = this.view !== 'home';
    const sub = this.view === 'talk' && status.state !== 'closed' && status.handler === 'agent' && status.agent ? fill(this.w.with, { name: status.agent }) : '';
    const print = `${this.view} ${title} ${sub}`;
    if (this.head.dataset.print !== print) {
      const focused = this.root.activeElement;
      const label = focused instanceof HTMLElement && this.head.contains(focused) ? focused.getAttribute('aria-label') : null;
      this.head.dataset.print = print;
      this.head.replaceChildren(
        ...[
          inner && this.round('back', this.w.back, () => this.go(this.view === 'talk' ? 'home' : this.view === 'consents' || this.view === 'erase' || this.view === 'complain' ? 'menu' : this.view === 'menu' ? 'talk' : 'home')),
          h('h2', {}, title, sub && h('span', { class: 'sub' }, sub)),
          this.view !== 'menu' && this.round('more', this.w.menu, () => this.go('menu')),
          this.mode === 'float' && this.round('close', this.w.close, () => this.hide()),
        ].filter((node): node is HTMLButtonElement | HTMLHeadingElement => !!node),
      );
      if (label) this.head.querySelector<HTMLElement>(`[aria-label="${CSS.escape(label)}"]`)?.focus();
    }
    this.panel.setAttribute('aria-label', title);
    const unread = this.open ? 0 : this.thread.all.filter((m) => (m.seq ?? 0) > this.seenTo && m.from !== 'customer' && m.kind !== 'event').length;
    const button = this.text(this.site.button);
    const face = `${unread} ${button ?? ''}`;
    if (this.launcher.dataset.print !== face) {
      this.launcher.dataset.print = face;
      this.launcher.setAttribute('aria-label', [this.w.open, button && button !== this.w.open ? button : '', unread > 0 ? fill(this.w.unread, { n: unread }) : ''].filter(Boolean).join(', '));
      this.launcher.replaceChildren(icon('chat'));
      put(this.launcher, button, unread > 0 && h('span', { class: 'count', 'aria-hidden': 'true' }, String(unread)));
    }
    this.launcher.setAttribute('aria-expanded', String(this.open));
    if (this.view === 'talk') this.drawTalk();
    if (status.consent && this.held.length > 0 && this.link.ready) for (const run of this.held.splice(0)) run();
  }

  private duration(seconds: number): string {
    return seconds < 60 ? fill(this.w.seconds, { n: Math.max(5, Math.round(seconds / 5) * 5) }) : fill(this.w.minutes, { n: Math.ceil(seconds / 60) });
  }

  // --- Home.

  private home(): Node {
    const { w, site } = this;
    const desk = site.desk;
    const known = this.link.known;
    const button = (name: IconName, label: string, view: View) => h('button', { type: 'button', class: 'plain', onclick: () => this.go(view) }, icon(name), label);
    const ways = [
      site.call && button('phone', w.call, 'call'),
      site.callback && button('again', w.callBack, 'callback'),
      site.letters && button('mail', w.letter, 'letter'),
      site.tickets && button('ticket', w.ticket, 'ticket'),
    ].filter((b): b is HTMLButtonElement => !!b);
    const own = site.questions?.[this.lang] ?? [];
    const questions = [...new Set([...own, ...(site.popular ?? []).map((p) => p.text)])].slice(0, 6);
    const out = h('div', { class: 'pad' }, h('p', { class: 'lead' }, this.text(site.greeting) ?? w.hello));
    if (desk) {
      const parts = [];
      if (!desk.open && desk.opens) parts.push(fill(w.opens, { time: new Date(desk.opens).toLocaleString(this.lang, { weekday: 'short', hour: '2-digit', minute: '2-digit' }) }));
      if (desk.open && desk.wait_s >= 0) parts.push(desk.wait_s < 10 ? w.noWait : fill(w.wait, { time: this.duration(desk.wait_s) }));
      const there = desk.open && desk.wait_s >= 0;
      if (!there) parts.push(w.botOpen);
      put(out, h('p', { class: 'soft live' }, h('b', { class: there ? '' : 'away' }, there ? w.isOpen : desk.open ? w.isBusy : w.isClosed), h('span', {}, parts.join(' · '))));
    }
    const hours = this.text(site.hours);
    if (hours) put(out, h('p', { class: 'soft' }, hours));
    put(out, h('button', { type: 'button', class: 'main', 'data-focus': true, onclick: () => this.go('talk') }, icon('chat'), known ? w.goOn : w.start));
    if (ways.length > 0) put(out, h('div', { class: 'ways' }, ...ways));
    if (questions.length > 0) {
      put(out, h('h3', { id: 'popular' }, w.popular));
      put(out, h('ul', { class: 'list', 'aria-labelledby': 'popular' }, ...questions.map((q) => h('li', {}, h('button', { type: 'button', onclick: () => this.say(q) }, q, icon('right'))))));
    }
    return out;
  }

  /** whenAgreed does something now, or once the notice was accepted. */
  private whenAgreed(run: () => void): void {
    if (this.link.ready && this.link.status.consent) run();
    else {
      this.held.push(run);
      this.link.start();
    }
  }

  /** say sends words of the visitor. */
  private say(text: string): void {
    this.go('talk');
    this.whenAgreed(() => this.link.send({ type: 'msg', text }));
    this.thread.down();
  }

  // --- The conversation.

  private talk(): Node {
    this.link.start();
    const { w } = this;
    const picker = h('input', { type: 'file', accept, hidden: true, multiple: true, 'aria-label': w.attach });
    picker.addEventListener('change', () => {
      for (const file of picker.files ?? []) this.attach(file);
      picker.value = '';
    });
    const send = () => {
      const text = this.box?.value.trim() ?? '';
      if (!text || !this.box) return;
      this.box.value = '';
      this.memory.write('draft', undefined);
      for (const piece of pieces(text, mostMessage)) this.link.send({ type: 'msg', text: piece });
      this.typingSent = 0;
      this.thread.down();
    };
    this.box = h('textarea', { rows: '1', 'aria-label': w.type, placeholder: w.type, dir: 'auto', maxlength: '20000', 'data-focus': true, value: this.memory.read<string>('draft') ?? '' });
    this.box.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        send();
      }
    });
    this.box.addEventListener('input', () => {
      this.memory.write('draft', this.box?.value ?? undefined);
      if (Date.now() - this.typingSent > 4000) {
        this.typingSent = Date.now();
        this.link.tell({ type: 'typing', on: true });
      }
    });
    this.box.addEventListener('paste', (event) => {
      // Programs of offices put a picture of the words beside the words.
      if (event.clipboardData?.types.includes('text/plain')) return;
      for (const file of event.clipboardData?.files ?? []) this.attach(file);
    });
    const out = document.createDocumentFragment();
    const compose = h(
      'form',
      {
        class: 'compose',
        onsubmit: (event: Event) => {
          event.preventDefault();
          send();
        },
      },
      this.site.files !== false && this.round('clip', w.attach, () => picker.click()),
      picker,
      this.box,
      h('button', { type: 'submit', class: 'round go', 'aria-label': w.send, title: w.send }, icon('send')),
    );
    const foot = h('div', { class: 'foot' }, h('button', { type: 'button', class: 'human', onclick: (event: Event) => (event.currentTarget as HTMLElement).ariaDisabled === 'true' || this.whenAgreed(() => this.link.send({ type: 'human', text: w.humanText })) }, icon('person'), w.human));
    put(out, h('div', { class: 'consent', hidden: true }), this.thread.root, this.bar, compose, foot);
    return out;
  }

  private drawTalk(): void {
    const { w } = this;
    const { status } = this.link;
    const ask = this.link.ready && !status.consent && !!this.site.notice;
    const consent = this.body.querySelector<HTMLElement>('.consent');
    const compose = this.body.querySelector<HTMLElement>('.compose');
    const foot = this.body.querySelector<HTMLElement>('.foot');
    if (!consent || !compose || !foot) return;
    this.thread.root.hidden = ask;
    compose.hidden = ask;
    foot.hidden = ask;
    if (ask && consent.hidden) {
      consent.replaceChildren(this.notice());
      consent.hidden = false;
      consent.querySelector<HTMLElement>('[data-focus]')?.focus();
    } else if (!ask && !consent.hidden) {
      consent.hidden = true;
      consent.replaceChildren();
      this.box?.focus();
    }
    const human = foot.querySelector('button');
    // Not `disabled`: who has just pressed it keeps the focus.
    if (human) human.ariaDisabled = String(status.state !== 'closed' && (status.handler === 'queue' || status.handler === 'agent'));
    const tail: HTMLElement[] = [];
    if (this.link.askRating && !status.rated && this.ratedHere !== status.conv) {
      this.rating ??= this.rate();
      tail.push(this.rating);
    } else this.rating = null;
    this.thread.draw(this.uploads, tail);
    let line = '';
    if (!this.link.ready && this.link.by === '' && this.seenReady) line = w.offline;
    else if (this.link.typing) line = `${status.agent || w.agent} ${w.typing}`;
    else if (status.handler === 'queue' && status.state === 'open') {
      const place = this.link.place;
      if (!place) line = w.waiting;
      else line = place.eta === undefined ? fill(w.position, { n: place.position }) : fill(w.positionWait, { n: place.position, time: this.duration(place.eta) });
    }
    if (this.lang === 'zh-CN' && line.endsWith(w.typing)) line = w.typing;
    if (this.link.ready) this.seenReady = true;
    if (this.bar.textContent !== line) this.bar.textContent = line;
    if (this.watching()) this.markSeen();
  }
  private seenReady = false;

  private purpose(name: string): string {
    return (this.w as Record<string, string>)[name] ?? name;
  }

  private notice(): Node {
    const { w } = this;
    const n = this.site.notice;
    if (!n) return h('div');
    const boxes = n.purposes.map((p) => h('input', { type: 'checkbox', name: p, checked: p === 'service', disabled: p === 'service' }));
    const fault = h('p', { class: 'fault', role: 'alert' });
    const agree = () => {
      for (const b of boxes) if (b.checked) this.link.tell({ type: 'consent', purpose: b.name, state: true, version: n.version }, true);
    };
    return h(
      'div',
      { class: 'pad' },
      h('h3', {}, w.noticeTitle),
      h('p', { class: 'notice' }, this.text(n.text) ?? Object.values(n.text)[0] ?? ''),
      n.url && h('a', { href: n.url, target: '_blank', rel: 'noopener', 'aria-label': `${w.noticeMore} (${w.newPage})` }, w.noticeMore),
      h('fieldset', {}, h('legend', {}, w.purposes), ...n.purposes.map((p, i) => h('label', { class: 'check' }, boxes[i] ?? '', this.purpose(p)))),
      h('p', { class: 'soft' }, w.noticeAsk),
      fault,
      h(
        'div',
        { class: 'row' },
        h('button', { type: 'button', class: 'main', 'data-focus': true, onclick: agree }, w.agree),
        h(
          'button',
          {
            type: 'button',
            class: 'plain',
            onclick: () => {
              this.held = [];
              fault.textContent = w.disagreed;
            },
          },
          w.disagree,
        ),
      ),
    );
  }

  private attach(file: File): void {
    const most = this.site.max_file ?? 10 << 20;
    const u: Upload = { id: newID(), file, preview: '' };
    const type = `.${file.name.split('.').pop()?.toLowerCase() ?? ''}`;
    if (file.size > most) u.failed = fill(this.w.tooLarge, { n: Math.floor(most / (1 << 20)) });
    else if (!accept.split(',').includes(type)) u.failed = this.w.badType;
    else if (file.type.startsWith('image/')) u.preview = URL.createObjectURL(file);
    this.uploads.push(u);
    this.update();
    this.thread.down();
    if (!u.failed) void this.upload(u);
  }

  private async upload(u: Upload): Promise<void> {
    u.failed = undefined;
    this.update();
    try {
      const info = await this.link.upload(u.file);
      this.uploads = this.uploads.filter((one) => one !== u);
      if (u.preview) URL.revokeObjectURL(u.preview);
      this.link.send({ type: 'msg', text: '', files: [info.id] }, u.id);
    } catch (error) {
      const status = error instanceof Refused ? error.status : 0;
      u.failed = status === 413 ? fill(this.w.tooLarge, { n: Math.floor((this.site.max_file ?? 10 << 20) / (1 << 20)) }) : status === 415 ? this.w.badType : this.w.uploadFailed;
    }
    this.update();
  }

  /** rate is the card at the end: a score, reasons that fit it, words. */
  private rate(): HTMLElement {
    const { w } = this;
    let score = 0;
    const reasons = h('fieldset', { hidden: true });
    const comment = h('textarea', { rows: '2', maxlength: '1000' });
    const fault = h('p', { class: 'fault', role: 'alert' });
    const stars = [1, 2, 3, 4, 5].map((n) => {
      const input = h('input', { type: 'radio', name: 'score', value: String(n), 'aria-label': fill(w.rateScore, { n }) });
      const label = h('label', {}, input, icon('star'));
      input.addEventListener('change', () => {
        score = n;
        stars.forEach((s, i) => s.classList.toggle('on', i < n));
        const list = n >= 4 ? chips.good : chips.bad;
        reasons.replaceChildren(h('legend', {}, w.rateReasons), h('div', { class: 'chips' }, ...list.map((c) => h('label', {}, h('input', { type: 'checkbox', value: c }), w[c]))));
        reasons.hidden = false;
        fault.textContent = '';
      });
      return label;
    });
    const form = h(
      'form',
      {
        class: 'card rating',
        onsubmit: (event: Event) => {
          event.preventDefault();
          if (score === 0) {
            fault.textContent = w.needed;
            return;
          }
          const chosen = [...reasons.querySelectorAll<HTMLInputElement>(':checked')].map((c) => c.value);
          this.link.rate({ type: 'rate', score, reasons: chosen, comment: comment.value.trim() });
          this.ratedHere = this.link.status.conv;
          form.replaceWith(h('p', { class: 'event', role: 'status' }, w.rateThanks));
        },
      },
      h('fieldset', {}, h('legend', {}, w.rateTitle), h('div', { class: 'stars' }, ...stars)),
      reasons,
      h('label', { class: 'field' }, w.rateComment, comment),
      fault,
      h('button', { type: 'submit', class: 'main' }, w.rateSend),
    );
    return form;
  }

  // --- The menu and what is behind it.

  private menu(): Node {
    const { w, site } = this;
    const item = (label: string, run: () => void) => h('li', {}, h('button', { type: 'button', onclick: run }, label, icon('right')));
    const status = h('p', { class: 'fault', role: 'alert' });
    const live = this.link.status.state === 'open' && !!this.link.status.conv;
    return h(
      'div',
      { class: 'pad' },
      h('h3', {}, w.menu),
      h(
        'ul',
        { class: 'list' },
        item(w.complain, () => this.go('complain')),
        this.thread.all.length > 0 && item(w.transcript, () => save('conversation.txt', new Blob([this.thread.text()], { type: 'text/plain;charset=utf-8' }))),
        (site.notice ?? null) && item(w.consents, () => this.go('consents')),
        site.privacy && item(w.export, () => void this.exported(status)),
        site.privacy && item(w.erase, () => this.go('erase')),
        live &&
          item(w.end, () => {
            this.link.tell({ type: 'end' }, true);
            this.go('talk');
          }),
      ),
      status,
    );
  }

  private async exported(status: HTMLElement): Promise<void> {
    status.textContent = '';
    try {
      save('my-data.zip', await (await this.link.request('export', {})).blob());
    } catch (error) {
      status.textContent = this.problem(error);
    }
  }

  private problem(error: unknown): string {
    return error instanceof Refused && error.status === 429 ? this.w.tooFast : this.w.wrong;
  }

  /** form is one with fields that are sent at once; done is said in its place. */
  private form(title: string, hint: string, fields: HTMLElement[], submit: string, run: (data: Record<string, string>) => Promise<Node | string>): HTMLElement {
    const fault = h('p', { class: 'fault', role: 'alert' });
    const button = h('button', { type: 'submit', class: 'main' }, submit);
    const form = h('form', { novalidate: true }, h('div', { class: 'pad' }, h('h3', {}, title), h('p', { class: 'soft' }, hint), ...fields, fault, button));
    const inputs = () => [...form.querySelectorAll<HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement>('[name]')];
    // What was begun is there again after a look elsewhere, until it is sent or the page goes.
    const begun = this.begun.get(title) ?? {};
    for (const field of inputs()) field.value = begun[field.name] ?? field.value;
    form.addEventListener('input', () => this.begun.set(title, Object.fromEntries(inputs().map((field) => [field.name, field.value]))));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const data = Object.fromEntries([...new FormData(form).entries()].map(([k, v]) => [k, typeof v === 'string' ? v.trim() : '']));
      const empty = [...form.querySelectorAll<HTMLInputElement>('[required]')].find((field) => !field.value.trim());
      if (empty) {
        fault.textContent = this.w.needed;
        empty.focus();
        return;
      }
      const long = [...form.querySelectorAll('textarea')].find((field) => field.value.trim().length > Number(field.dataset.most));
      if (long) {
        fault.textContent = fill(this.w.tooLong, { n: long.dataset.most ?? '', m: long.value.trim().length });
        long.focus();
        return;
      }
      fault.textContent = '';
      button.disabled = true;
      run(data)
        .then((done) => {
          this.begun.delete(title);
          const said = h('div', { class: 'pad', role: 'status', tabindex: '-1' }, typeof done === 'string' ? h('p', { class: 'done' }, done) : done);
          form.replaceWith(said);
          said.focus();
        })
        .catch((error: unknown) => {
          button.disabled = false;
          fault.textContent = error instanceof Error && error.name === 'Told' ? error.message : this.problem(error);
        });
    });
    return form;
  }

  private field(label: string, name: string, props: Record<string, string | boolean> = {}): HTMLElement {
    return h('label', { class: 'field' }, label, h('input', { name, type: 'text', ...props }));
  }

  /** agreed sends those to the notice who have not accepted it; the form is done again afterwards. */
  private agreed(): boolean {
    if (!this.link.ready) this.link.start();
    if (!this.site.notice || this.link.status.consent) return true;
    this.go('talk');
    return false;
  }

  private ready(): Promise<void> {
    this.link.start();
    return new Promise((done) => {
      const look = (left: number) => (this.link.ready || left === 0 ? done() : setTimeout(() => look(left - 1), 100));
      look(50);
    });
  }

  private letter(): Node {
    const { w } = this;
    return this.form(
      w.letter,
      this.site.desk?.open === false ? w.letterHint : w.letterHintOpen,
      [
        this.field(w.name, 'name', { autocomplete: 'name', maxlength: '100', value: this.settings.name ?? '' }),
        this.field(w.email, 'email', { type: 'email', autocomplete: 'email', maxlength: '300' }),
        this.field(w.phone, 'phone', { type: 'tel', autocomplete: 'tel', maxlength: '40' }),
        h('label', { class: 'field' }, w.what, h('textarea', { name: 'text', dir: 'auto', required: true, 'data-most': String(mostLetter) })),
      ],
      w.submit,
      async (data) => {
        if (!data.email && !data.phone) throw told(w.either);
        await this.ready();
        if (!this.agreed()) {
          this.held.push(() => this.go('letter'));
          throw told(w.noticeAsk);
        }
        const { ref } = await this.link.ask<{ ref: string }>('message', { ...data, lang: this.lang }).catch((error: unknown) => {
          throw error instanceof Refused && error.status === 422 ? told(w.either) : error;
        });
        return h('div', { class: 'pad' }, h('p', { class: 'done' }, fill(w.reference, { ref })), h('p', {}, w.letterDone));
      },
    );
  }

  private ticket(): Node {
    const { w } = this;
    return this.form(w.ticket, w.ticketHint, [this.field(w.ticketRef, 'ref', { required: true, inputmode: 'numeric', maxlength: '40' }), this.field(w.ticketCheck, 'check', { maxlength: '300' })], w.look, async (data) => {
      const t = await this.link.ask<TicketStatus>('ticket', data).catch((error: unknown) => {
        throw error instanceof Refused && error.status === 404 ? told(w.ticketLost) : error;
      });
      const time = (at: string) => new Date(at).toLocaleString(this.lang, { dateStyle: 'medium', timeStyle: 'short' });
      const who = (from: string) => (from === 'customer' ? w.you : from === 'bot' ? w.bot : w.agent);
      return h(
        'div',
        { class: 'said' },
        h('dl', {}, h('dt', {}, w.ticketRef), h('dd', {}, t.ref), h('dt', {}, w.what), h('dd', {}, t.subject)),
        h('p', { class: 'done' }, (w as Record<string, string>)[`state_${t.state}`] ?? t.state),
        h('p', { class: 'soft' }, fill(w.updated, { time: time(t.updated_at) })),
        t.said.length > 0 && h('ul', { class: 'said' }, ...t.said.map((s) => h('li', {}, h('p', { class: 'meta' }, `${who(s.from)} · ${time(s.at)}`), s.text))),
      );
    });
  }

  private callback(): Node {
    const { w } = this;
    return this.form(w.callBack, w.callBackHint, [this.field(w.phone, 'number', { type: 'tel', autocomplete: 'tel', required: true, maxlength: '40' })], w.submit, async (data) => {
      await this.ready();
      if (!this.agreed()) {
        this.held.push(() => this.go('callback'));
        throw told(w.noticeAsk);
      }
      await this.link.ask('callback', data).catch((error: unknown) => {
        throw error instanceof Refused && error.status === 422 ? told(w.needed) : error instanceof Refused && error.status === 409 ? told(w.callClosed) : error;
      });
      return fill(w.callBackDone, { n: data.number ?? '' });
    });
  }

  private complain(): Node {
    const { w } = this;
    const kinds = (['complaint', 'idea', 'bug'] as const).map((k) => h('option', { value: k }, w[k]));
    return this.form(
      w.complain,
      '',
      [h('label', { class: 'field' }, w.kind, h('select', { name: 'kind' }, ...kinds)), h('label', { class: 'field' }, w.what, h('textarea', { name: 'text', dir: 'auto', required: true, 'data-most': String(mostComplaint) }))],
      w.submit,
      async (data) => {
        await this.ready();
        if (!this.agreed()) {
          this.held.push(() => this.go('complain'));
          throw told(w.noticeAsk);
        }
        const ref = await new Promise<string | undefined>((done, fail) => {
          const id = this.link.send({ type: 'complain', kind: data.kind, text: data.text });
          this.settling.set(id, done);
          setTimeout(() => this.settling.delete(id) && fail(new Error('late')), 15_000);
        });
        return h('div', { class: 'pad' }, h('p', { class: 'done' }, w.thanks), ref && h('p', {}, fill(w.reference, { ref })));
      },
    );
  }

  private consents(): Node {
    const { w } = this;
    const n = this.site.notice;
    if (!n) return h('div', { class: 'pad' }, h('p', {}, w.noNotice));
    this.link.start();
    const say = (purpose: string, state: boolean) => {
      this.link.tell({ type: 'consent', purpose, state, version: n.version }, true);
      this.memory.write('allowed', { ...this.memory.read<Record<string, boolean>>('allowed'), [purpose]: state });
      this.go(purpose === 'service' && state ? 'talk' : 'consents');
    };
    const allowed = this.memory.read<Record<string, boolean>>('allowed') ?? {};
    const row = (p: string) => {
      const given = p === 'service' ? (allowed[p] ?? this.link.status.consent) : (allowed[p] ?? false);
      return h('li', {}, h('button', { type: 'button', 'aria-label': `${given ? w.withdraw : w.give}: ${this.purpose(p)}`, onclick: () => say(p, !given) }, h('span', {}, this.purpose(p), h('br'), h('span', { class: 'soft' }, given ? w.given : w.notGiven)), h('span', { class: 'soft' }, given ? w.withdraw : w.give)));
    };
    return h('div', { class: 'pad' }, h('h3', {}, w.consents), h('p', { class: 'notice' }, this.text(n.text) ?? ''), h('ul', { class: 'list' }, ...n.purposes.map(row)), h('p', { class: 'soft' }, w.withdrawHint));
  }

  private erase(): Node {
    const { w } = this;
    const form = this.form(w.erase, w.eraseHint, [], w.eraseYes, async () => {
      const { by_hand } = await this.link.ask<{ by_hand: boolean }>('erase', {});
      return by_hand ? w.eraseByHand : w.eraseDone;
    });
    form.querySelector('.main')?.classList.add('danger');
    form.querySelector('.pad')?.appendChild(h('button', { type: 'button', class: 'plain', 'data-focus': true, onclick: () => this.go('menu') }, w.cancel));
    return form;
  }

  // --- Voice.

  private phone(): Node {
    const { w } = this;
    const out = h('div', { class: 'phone' });
    let trouble = '';
    let keys = false;
    let ticking: ReturnType<typeof setTimeout> | undefined;
    const draw = () => {
      const c = this.call;
      const running = c && c.phase !== 'ended' && c.phase !== 'failed';
      const line = c ? { connecting: w.callConnecting, ringing: w.callRinging, talking: w.callTalking, ended: w.callEnded, failed: c.status === 486 || c.status === 503 ? w.callBusy : w.callFailed }[c.phase] : w.callHint;
      const focus = this.root.activeElement instanceof HTMLElement ? this.root.activeElement.dataset.act : undefined;
      const act = (name: string, iconName: IconName, label: string, run: () => void, kind = 'plain', more: Record<string, string | boolean> = {}) => h('button', { type: 'button', class: kind, 'data-act': name, onclick: run, ...more }, icon(iconName), label);
      out.replaceChildren();
      put(
        out,
        h('p', { role: 'status', class: c?.phase === 'failed' ? 'fault' : '' }, line),
        trouble && h('p', { class: 'fault', role: 'alert' }, trouble),
        c && c.since > 0 && h('p', { class: 'clock', role: 'timer' }, clock(c.since)),
        running && h('div', { class: 'level', role: 'meter', 'aria-label': w.level, 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': '0' }, h('i')),
        h(
          'div',
          { class: 'acts' },
          running && act('mute', c.muted ? 'mute' : 'mic', c.muted ? w.unmute : w.mute, () => c.mute(!c.muted), 'plain', { 'aria-pressed': String(c.muted) }),
          running && act('keys', 'keys', w.keypad, () => { keys = !keys; draw(); }, 'plain', { 'aria-expanded': String(keys) }),
          running && act('hang', 'phone', w.hangUp, () => c.hangUp(), 'main danger'),
          !running && act('call', 'phone', w.callStart, () => void start(), 'main', { 'data-focus': true }),
        ),
        running && keys && h('div', { class: 'keys' }, ...'123456789*0#'.split('').map((k) => h('button', { type: 'button', class: 'plain', 'data-act': `k${k}`, onclick: () => c.press(k) }, k))),
      );
      if (focus) (out.querySelector<HTMLElement>(`[data-act="${focus}"]`) ?? out.querySelector<HTMLElement>('[data-act=hang], [data-act=call]'))?.focus();
    };
    const tick = () => {
      const c = this.call;
      if (!out.isConnected || !c) return;
      const time = out.querySelector('.clock');
      if (time && c.phase === 'talking') time.textContent = clock(c.since);
      const level = out.querySelector<HTMLElement>('.level');
      if (level) {
        const part = Math.round(c.level() * 100);
        level.setAttribute('aria-valuenow', String(part));
        level.querySelector('i')?.style.setProperty('width', `${part}%`);
      }
      clearTimeout(ticking);
      if (c.phase !== 'ended' && c.phase !== 'failed') ticking = setTimeout(tick, 100);
    };
    const start = async () => {
      trouble = '';
      const button = out.querySelector<HTMLButtonElement>('[data-act=call]');
      if (button) button.disabled = true; // from the first press on: a second one would be a second call
      await this.ready();
      if (!this.agreed()) {
        this.held.push(() => this.go('call'));
        return;
      }
      try {
        this.call = await Phone.start(this.link.phoneURL(), () => this.link.ask<Ticket>('call', {}), () => this.redraw());
        this.redraw();
      } catch (error) {
        if (error instanceof Refused) trouble = error.status === 409 ? w.callClosed : error.status === 503 ? w.callBusy : error.status === 429 ? w.tooFast : w.callFailed;
        else trouble = w.noMicrophone;
      }
      draw();
    };
    this.redraw = () => {
      draw();
      tick();
    };
    if (this.call && (this.call.phase === 'ended' || this.call.phase === 'failed')) this.call = null;
    draw();
    setTimeout(tick, 0);
    return out;
  }
}

const clock = (since: number): string => {
  const s = Math.floor((Date.now() - since) / 1000);
  return `${String(Math.floor(s / 60)).padStart(2, '0')}:${String(s % 60).padStart(2, '0')}`;
};

/** told is an error whose words are for the visitor. */
function told(text: string): Error {
  const error = new Error(text);
  error.name = 'Told';
  return error;
}

function save(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const a = h('a', { href: url, download: name });
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export const identityOf = (s: Settings): Identity => (s.jwt ? { jwt: s.jwt } : s.user ? { user: s.user, proof: s.proof } : {});
