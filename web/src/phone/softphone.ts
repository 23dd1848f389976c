import type JsSIP from 'jssip';
import type { RTCSession } from 'jssip/lib/RTCSession';
import type { UA } from 'jssip/lib/UA';
import { request } from '../api/client';
import { Problem } from '../api/problem';
import type { components } from '../api/openapi';
import { Store } from '../call/store';
import { chosen, microphone, onChoice, usable } from './devices';
import { repeat, ringBack, ringTone, setSink } from './sound';
import { causeOf, current, insideOf, phone, running, silentPhone, mostLines, type Act, type Inside, type Line, type Phone } from './state';

type Ticket = Omit<components['schemas']['PhoneTicket'], 'ice_servers'> & { ice_servers: { urls: string[] | null; username: string; credential: string }[] | null };

/** How long a call rings here before it goes back, ms; a queue has a time of its own and takes its ring away itself. */
export const ringTime = 20_000;
/** How long an ended call stays in the bar, ms. */
const grace = 4000;
/** With a relay, how long its address is waited for after the first one, ms. */
const relayWait = 700;
/** How long a broken path may be before a new one is looked for, ms. */
const pathWait = 2000;
/** How long a call that was asked for may take to arrive, ms: it is answered by itself. */
const expectFor = 20_000;
/** The header in which the server says which call it is. */
const header = 'X-Tingxin-Call';
/** How long holding may take, ms. */
const holdWait = 8000;
/** A token is renewed this long before it ends, ms. */
const renewBefore = 180_000;

/** silence gives a microphone back. */
function silence(stream?: MediaStream): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

interface Talk {
  session: RTCSession;
  ear: HTMLAudioElement;
  microphone?: MediaStream;
  answering?: boolean;
  timer?: ReturnType<typeof setTimeout>;
}

/**
 * Softphone is the telephone of this page: a JsSIP agent that registers with a
 * token of the login, its calls, and their sound. What it knows is a Phone, for
 * useSyncExternalStore. JsSIP is fetched when it starts.
 *
 * Of all tabs of a browser one has the telephone; when it is closed the next one
 * takes over.
 */
export class Softphone extends Store<Phone> {
  private ua: UA | null = null;
  private ticket: Ticket | null = null;
  private readonly talks = new Map<string, Talk>();
  private readonly ending = new AbortController();
  private renewal: ReturnType<typeof setTimeout> | undefined;
  private stopRinging: (() => void) | null = null;
  private ringsAs = '';
  private refused = 0;
  private readonly undo: (() => void)[] = [];
  private readonly expected = new Map<string, number>();

  constructor(
    private readonly name: string,
    private readonly display: string,
  ) {
    super(silentPhone);
  }

  /** start takes the telephone of this browser as soon as no other tab has it. */
  start(): void {
    if (!usable() || !('locks' in navigator)) {
      this.say('insecure');
      return;
    }
    this.say('connecting');
    const elsewhere = setTimeout(() => this.say('elsewhere'), 400);
    navigator.locks
      .request(`tingxin.phone.${this.name}`, { signal: this.ending.signal }, async () => {
        clearTimeout(elsewhere);
        this.say('connecting');
        await this.open();
        // Held until the telephone is stopped or the tab is closed.
        await new Promise((resolve) => this.ending.signal.addEventListener('abort', resolve));
      })
      .catch(() => clearTimeout(elsewhere));
  }

  /** stop hangs up and leaves. A stopped telephone is not started again. */
  stop(): void {
    this.ending.abort();
    clearTimeout(this.renewal);
    for (const undo of this.undo.splice(0)) undo();
    this.ua?.stop();
    this.ua = null;
    for (const id of [...this.talks.keys()]) this.close(id);
    this.ring();
    this.say('off');
  }

  private say(registration: Phone['registration'], trouble?: string): void {
    this.act({ type: 'registration', registration, trouble });
  }

  private act(act: Act): void {
    this.set(phone(this.value, act));
    this.ring();
  }

  // --- Registering.

  private async open(): Promise<void> {
    const ended = () => this.ending.signal.aborted;
    for (let wait = 1000; !ended(); wait = Math.min(wait * 2, 30_000)) {
      try {
        const [{ default: jssip }, ticket] = await Promise.all([import('jssip'), request<Ticket>('/session/phone', { method: 'POST' })]);
        if (!ended()) this.connect(jssip, ticket);
        return;
      } catch (error) {
        if (error instanceof Problem && error.status === 404) {
          this.say('failed', 'none');
          return;
        }
        this.say('failed', 'server');
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  private connect(jssip: typeof JsSIP, ticket: Ticket): void {
    const { protocol, host } = window.location;
    const socket = new jssip.WebSocketInterface(`${protocol === 'https:' ? 'wss' : 'ws'}://${host}${ticket.ws_path}`);
    const ua = new jssip.UA({
      sockets: [socket],
      uri: new jssip.URI('sip', ticket.user, ticket.domain).toString(),
      display_name: this.display,
      authorization_jwt: `Bearer ${ticket.token}`,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 8,
      no_answer_timeout: 180,
      user_agent: 'Tingxin desk',
    });
    this.ua = ua;
    this.keep(ticket);
    ua.on('connecting', () => this.say('connecting'));
    ua.on('disconnected', () => this.say('connecting'));
    ua.on('registered', () => {
      this.refused = 0;
      this.say('registered');
    });
    ua.on('registrationFailed', () => this.again());
    ua.on('newRTCSession', (event: { originator: string; session: RTCSession; request: { getHeader: (name: string) => string | undefined } }) => {
      if (event.originator === 'remote') this.arrive(event.session, insideOf(event.request.getHeader(header)));
    });
    // Another network: the old path is dead although nothing has said so yet.
    const restart = () => this.talks.forEach((talk) => this.newPath(talk.session));
    window.addEventListener('online', restart);
    this.undo.push(
      () => window.removeEventListener('online', restart),
      onChoice(() => this.talks.forEach((talk) => void setSink(talk.ear, chosen().output))),
    );
    ua.start();
  }

  /** again asks for a fresh token after a refusal, later each time. */
  private again(): void {
    this.say('failed', 'refused');
    clearTimeout(this.renewal);
    this.renewal = setTimeout(() => void this.renew(true), Math.min(500 * 2 ** this.refused++, 30_000));
  }

  private async renew(register: boolean): Promise<void> {
    try {
      const ticket = await request<Ticket>('/session/phone', { method: 'POST' });
      if (!this.ua) return;
      this.ua.set('authorization_jwt', `Bearer ${ticket.token}`);
      this.keep(ticket);
      if (register && this.ua.isConnected()) this.ua.register();
    } catch {
      if (this.ua) this.renewal = setTimeout(() => void this.renew(register), 15_000);
    }
  }

  private keep(ticket: Ticket): void {
    this.ticket = ticket;
    clearTimeout(this.renewal);
    // By the server's own length of it: the clocks may differ.
    const left = Math.max(60_000, Math.min(Date.parse(ticket.expires_at) - Date.now(), 900_000) - renewBefore);
    this.renewal = setTimeout(() => void this.renew(false), left);
  }

  // --- Calls.

  /** call dials a number or a user. The other calls are held first. Throws the error of a microphone that was refused. */
  async call(number: string): Promise<void> {
    const ua = this.ua;
    if (!ua || running(this.value).length >= mostLines) return;
    await this.holdOthers('');
    const stream = await microphone();
    if (this.ua !== ua) {
      silence(stream); // the telephone was stopped meanwhile
      return;
    }
    const session = ua.call(number, { ...this.options(stream) });
    this.follow(session, number, '', stream);
  }

  /** answer takes a call that rings, and holds the others. */
  async answer(id: string): Promise<void> {
    const talk = this.talks.get(id);
    if (!talk || talk.answering || this.line(id)?.phase !== 'incoming') return;
    talk.answering = true; // the key may be pressed again while the microphone opens
    clearTimeout(talk.timer);
    try {
      await this.holdOthers(id);
      const stream = await microphone();
      if (this.line(id)?.phase !== 'incoming') {
        silence(stream); // the caller has hung up meanwhile
        return;
      }
      talk.microphone = stream;
      talk.session.answer(this.options(stream));
    } finally {
      talk.answering = false;
    }
  }

  /** decline sends a call that rings back to where it came from. */
  decline(id: string, status = 486): void {
    const talk = this.talks.get(id);
    if (talk && this.line(id)?.phase === 'incoming') talk.session.terminate({ status_code: status });
  }

  hangup(id: string): void {
    const talk = this.talks.get(id);
    if (talk && !talk.session.isEnded()) talk.session.terminate();
  }

  mute(id: string, on: boolean): void {
    const session = this.talks.get(id)?.session;
    if (on) session?.mute({ audio: true });
    else session?.unmute({ audio: true });
  }

  /** hold holds or resumes; resuming one call holds the other. Resolves when the server has agreed. */
  async hold(id: string, on: boolean): Promise<void> {
    const session = this.talks.get(id)?.session;
    const line = this.line(id);
    if (!session || line?.phase !== 'talking' || line.held === on || line.changing) return;
    if (!on) await this.holdOthers(id);
    this.act({ type: 'changing', id, on: true });
    await new Promise<void>((resolve) => {
      const end = Date.now() + holdWait;
      setTimeout(resolve, holdWait); // whatever comes, the button must not stay dead
      const attempt = () => {
        if (session.isEnded() || session.isOnHold().local === on || Date.now() > end) resolve();
        // Something else is being agreed on: who is to be held must not hear what is said next.
        else if (!(on ? session.hold({}, resolve) : session.unhold({}, resolve))) setTimeout(attempt, 100);
      };
      attempt();
    });
    this.act({ type: 'changing', id, on: false });
  }

  private async holdOthers(id: string): Promise<void> {
    const others = running(this.value).filter((line) => line.id !== id && line.phase === 'talking' && !line.held);
    await Promise.all(others.map((line) => this.hold(line.id, true)));
  }

  /** press sends one key of a telephone into the call. */
  press(id: string, key: string): void {
    const session = this.talks.get(id)?.session;
    if (!session || this.line(id)?.phase !== 'talking') return;
    session.sendDTMF(key, { duration: 100, interToneGap: 100 });
    this.act({ type: 'key', id, key });
  }

  /** transfer gives the call to a number or user without asking there, or to the other call of this page when `other` is one. */
  transfer(id: string, target: string, other?: string): void {
    const session = this.talks.get(id)?.session;
    const consulted = other ? this.talks.get(other)?.session : undefined;
    if (!session || this.line(id)?.phase !== 'talking' || (other && !consulted)) return;
    const failed = () => this.act({ type: 'transfer', id, transfer: 'failed' });
    this.act({ type: 'transfer', id, transfer: 'asked' });
    session.refer(consulted ? consulted.remote_identity.uri : target, {
      replaces: consulted,
      eventHandlers: {
        requestFailed: failed,
        failed,
        accepted: () => {
          this.hangup(id);
          if (other) this.hangup(other);
        },
      },
    });
  }

  /** ear is the element that plays the other side: for meters and tests. */
  ear(id: string): HTMLAudioElement | undefined {
    return this.talks.get(id)?.ear;
  }

  private line(id: string): Line | undefined {
    return this.value.lines.find((line) => line.id === id);
  }

  private options(mediaStream: MediaStream) {
    const iceServers = (this.ticket?.ice_servers ?? []).map(({ urls, ...rest }) => ({ ...rest, urls: urls ?? [] }));
    return { mediaStream, mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers }, sessionTimersExpires: 1800 };
  }

  /** expect has a call, or that for work of a queue, answered by itself when it rings here soon: its user asked for it on this page. */
  expect(call: string): void {
    this.expected.set(call, Date.now());
    const line = this.value.lines.find((l) => l.phase === 'incoming' && (l.inside?.call === call || l.inside?.work === call));
    if (line) this.answerSelf(line.id);
  }

  /** unexpect takes that back: it was refused. */
  unexpect(call: string): void {
    this.expected.delete(call);
  }

  /** byItself says whether a call is being answered without its user. */
  private byItself(line: Line): boolean {
    const { inside } = line;
    const asked = Math.max(this.expected.get(inside?.call ?? '') ?? 0, this.expected.get(inside?.work ?? '') ?? 0);
    return !!inside && (!!inside.again || Date.now() - asked < expectFor);
  }

  private answerSelf(id: string): void {
    this.answer(id).catch(() => this.decline(id, 480));
  }

  private arrive(session: RTCSession, inside?: Inside): void {
    // The third call at once goes back as busy.
    if (running(this.value).length >= mostLines) {
      session.terminate({ status_code: 486 });
      return;
    }
    const { uri, display_name } = session.remote_identity;
    const talk = this.follow(session, uri.user, display_name, undefined, inside);
    const line = this.line(session.id);
    if (line && this.byItself(line)) {
      this.answerSelf(session.id);
      return;
    }
    if (inside?.role !== 'agent' && !inside?.work) talk.timer = setTimeout(() => this.decline(session.id, 480), ringTime);
  }

  /** follow writes down what happens to a session, until it ends. */
  private follow(session: RTCSession, number: string, name: string, stream?: MediaStream, inside?: Inside): Talk {
    const { id } = session;
    const ear = new Audio();
    ear.autoplay = true;
    const talk: Talk = { session, ear, microphone: stream };
    this.talks.set(id, talk);
    void setSink(ear, chosen().output);
    this.act({ type: 'begin', id, direction: (session.direction as string) === 'incoming' ? 'in' : 'out', number, name, inside, at: Date.now() });
    const place = (response: unknown) => {
      const said = insideOf((response as { getHeader?: (name: string) => string | undefined } | undefined)?.getHeader?.(header));
      if (said) this.act({ type: 'inside', id, inside: said });
    };
    session.on('progress', (event: { originator: string; response?: unknown }) => {
      this.act({ type: 'ringing', id });
      if (event.originator === 'remote') place(event.response);
    });
    session.on('accepted', (event: { originator: string; response?: unknown }) => {
      if (event.originator === 'remote') place(event.response);
    });
    session.on('confirmed', () => {
      const inside = this.line(id)?.inside;
      for (const asked of [inside?.call, inside?.work]) if (asked) this.expected.delete(asked);
      this.act({ type: 'connected', id, at: Date.now() });
    });
    session.on('muted', () => this.act({ type: 'muted', id, on: true }));
    session.on('unmuted', () => this.act({ type: 'muted', id, on: false }));
    const by = (originator: string) => (originator === 'local' ? 'us' : 'them');
    session.on('hold', ({ originator }) => this.act({ type: 'held', id, by: by(originator), on: true }));
    session.on('unhold', ({ originator }) => this.act({ type: 'held', id, by: by(originator), on: false }));
    session.on('ended', ({ cause }) => this.over(id, cause));
    session.on('failed', ({ cause }) => this.over(id, cause));
    this.candidates(session);
    const attach = (pc: RTCPeerConnection) => this.attach(pc, talk);
    // An outgoing call has its connection already.
    if (session.connection as RTCPeerConnection | null) attach(session.connection);
    else session.on('peerconnection', ({ peerconnection }) => attach(peerconnection));
    return talk;
  }

  /** candidates ends the gathering as soon as what was found is enough: JsSIP would wait for all of it. */
  private candidates(session: RTCSession): void {
    const relayed = (this.ticket?.ice_servers ?? []).length > 0;
    session.on('icecandidate', ({ candidate, ready }) => {
      if (candidate.type === 'relay' || (!relayed && candidate.type === 'host')) ready();
      else if (relayed) setTimeout(ready, relayWait);
    });
  }

  private attach(pc: RTCPeerConnection, talk: Talk): void {
    pc.addEventListener('track', ({ track, streams }) => {
      talk.ear.srcObject = streams[0] ?? new MediaStream([track]);
      void talk.ear.play().catch(() => undefined);
    });
    pc.addEventListener('iceconnectionstatechange', () => {
      if (pc.iceConnectionState !== 'disconnected') return;
      setTimeout(() => {
        if (pc.iceConnectionState === 'disconnected') this.newPath(talk.session);
      }, pathWait);
    });
  }

  /** newPath looks for another way for the sound, over the same call (ICE restart). */
  private newPath(session: RTCSession): void {
    if (session.isEstablished() && this.ua?.isConnected()) session.renegotiate({ rtcOfferConstraints: { iceRestart: true } });
  }

  private over(id: string, cause: string): void {
    this.close(id);
    this.act({ type: 'ended', id, cause: causeOf(cause) });
    setTimeout(() => this.act({ type: 'forget', id }), grace);
  }

  private close(id: string): void {
    const talk = this.talks.get(id);
    if (!talk) return;
    this.talks.delete(id);
    clearTimeout(talk.timer);
    talk.ear.srcObject = null;
    silence(talk.microphone);
  }

  /** ring sounds what the calls need now: ringing, ring-back, or nothing. */
  private ring(): void {
    const { lines } = this.value;
    const talking = current(this.value)?.phase === 'talking';
    let wanted = '';
    if (lines.some((line) => line.phase === 'incoming' && !this.byItself(line))) wanted = talking ? 'knock' : 'ring';
    // The network sends its own ring-back where it has one.
    else if (lines.some((line) => line.phase === 'ringing' && !this.talks.get(line.id)?.ear.srcObject)) wanted = 'back';
    if (wanted === this.ringsAs) return;
    this.stopRinging?.();
    this.ringsAs = wanted;
    this.stopRinging = null;
    if (wanted === 'back') this.stopRinging = repeat(ringBack, chosen().output);
    else if (wanted) this.stopRinging = repeat(wanted === 'knock' ? { ...ringTone, volume: 0.04, off: 3 } : ringTone, chosen().output);
  }
}
