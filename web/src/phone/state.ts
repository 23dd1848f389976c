/** How the telephone of this page stands: `elsewhere` is another tab of this browser, `insecure` a page without HTTPS, which gets no microphone. */
export type Registration = 'off' | 'elsewhere' | 'insecure' | 'connecting' | 'registered' | 'failed';

/** `incoming` rings here, `ringing` rings there. */
export type Phase = 'dialling' | 'ringing' | 'incoming' | 'talking' | 'ended';

/** How a transfer stands that was asked for. */
export type Transfer = 'asked' | 'failed';

/** Where a line belongs, as the server says: the call, and what one is in it. */
export interface Inside {
  /** The call's id. */
  readonly call: string;
  readonly role?: string;
  /** Of a supervisor: listen, whisper, barge or takeover. */
  readonly mode?: string;
  /** One was in it and comes back after the page was loaded anew. */
  readonly again?: boolean;
  /** The work of a queue that it is for, such as a call-back. */
  readonly work?: string;
}

/** Line is one call of this page, as the call bar shows it. Times are of Date.now(). */
export interface Line {
  readonly id: string;
  readonly direction: 'in' | 'out';
  /** What was dialled, or who calls. */
  readonly number: string;
  readonly name: string;
  readonly phase: Phase;
  /** When it began to ring or to be dialled. */
  readonly began: number;
  /** When both sides could hear each other. */
  readonly connected?: number;
  readonly muted: boolean;
  /** Held by us, by the other side. */
  readonly held: boolean;
  readonly away: boolean;
  /** A change is on its way to the server: hold or resume. */
  readonly changing: boolean;
  readonly transfer?: Transfer;
  /** Keys sent so far, to be seen while one types. */
  readonly keys: string;
  /** Why it ended: a key of `desk.cause`. */
  readonly cause?: string;
  readonly inside?: Inside;
}

/** Phone is all that is known of the telephone of this page. */
export interface Phone {
  readonly registration: Registration;
  /** Why it is not registered: a key of `desk.trouble`. */
  readonly trouble?: string;
  /** In the order in which they began. */
  readonly lines: readonly Line[];
}

/** As many calls as one page has: a second one to consult somebody. */
export const mostLines = 2;

export const silentPhone: Phone = { registration: 'off', lines: [] };

export type Act =
  | { type: 'registration'; registration: Registration; trouble?: string }
  | { type: 'begin'; id: string; direction: Line['direction']; number: string; name?: string; inside?: Inside; at: number }
  | { type: 'ringing'; id: string }
  | { type: 'inside'; id: string; inside: Inside }
  | { type: 'connected'; id: string; at: number }
  | { type: 'muted'; id: string; on: boolean }
  | { type: 'changing'; id: string; on: boolean }
  | { type: 'held'; id: string; by: 'us' | 'them'; on: boolean }
  | { type: 'transfer'; id: string; transfer?: Transfer }
  | { type: 'key'; id: string; key: string }
  | { type: 'ended'; id: string; cause: string }
  | { type: 'forget'; id: string };

/** phone applies one thing that happened. It is pure, and returns the same object when nothing changed. */
export function phone(state: Phone, act: Act): Phone {
  switch (act.type) {
    case 'registration':
      if (state.registration === act.registration && state.trouble === act.trouble) return state;
      return { ...state, registration: act.registration, trouble: act.trouble };
    case 'begin':
      return begin(state, act);
    case 'forget':
      // Only what has ended: a call never leaves the bar while it lasts.
      return keep(state, (line) => line.id !== act.id || line.phase !== 'ended');
    default:
      return change(state, act.id, (line) => next(line, act));
  }
}

function begin(state: Phone, act: Extract<Act, { type: 'begin' }>): Phone {
  if (state.lines.some((line) => line.id === act.id) || running(state).length >= mostLines) return state;
  const line: Line = {
    id: act.id,
    direction: act.direction,
    number: act.number,
    name: act.name ?? '',
    phase: act.direction === 'in' ? 'incoming' : 'dialling',
    began: act.at,
    muted: false,
    held: false,
    away: false,
    changing: false,
    keys: '',
    inside: act.inside,
  };
  // What has ended makes room for what begins.
  return { ...state, lines: [...running(state), line] };
}

function keep(state: Phone, wanted: (line: Line) => boolean): Phone {
  const lines = state.lines.filter(wanted);
  return lines.length === state.lines.length ? state : { ...state, lines };
}

function change(state: Phone, id: string, to: (line: Line) => Line): Phone {
  const at = state.lines.findIndex((line) => line.id === id);
  const line = state.lines[at];
  if (!line) return state;
  const changed = to(line);
  return changed === line ? state : { ...state, lines: state.lines.with(at, changed) };
}

/** next is a line after something happened to it. Nothing happens to a call that has ended. */
function next(line: Line, act: Exclude<Act, { type: 'registration' | 'begin' | 'forget' }>): Line {
  if (line.phase === 'ended') return line;
  const talking = line.phase === 'talking';
  switch (act.type) {
    case 'ringing':
      return line.phase === 'dialling' ? { ...line, phase: 'ringing' } : line;
    case 'inside':
      return line.inside?.call === act.inside.call ? line : { ...line, inside: act.inside };
    case 'connected':
      return talking ? line : { ...line, phase: 'talking', connected: act.at };
    case 'muted':
      return talking && line.muted !== act.on ? { ...line, muted: act.on } : line;
    case 'changing':
      return talking && line.changing !== act.on ? { ...line, changing: act.on } : line;
    case 'held':
      if (!talking) return line;
      return act.by === 'us' ? { ...line, held: act.on, changing: false } : { ...line, away: act.on };
    case 'transfer':
      return talking ? { ...line, transfer: act.transfer } : line;
    case 'key':
      return talking ? { ...line, keys: (line.keys + act.key).slice(-24) } : line;
    case 'ended':
      return { ...line, phase: 'ended', cause: act.cause, changing: false, transfer: undefined };
  }
}

/** insideOf reads the server's header: "ID;role=supervisor;mode=listen;again;work=ID". */
export function insideOf(header: string | undefined): Inside | undefined {
  const [call = '', ...parts] = (header ?? '').split(';').map((part) => part.trim());
  if (!/^[0-9a-f-]{36}$/.test(call)) return undefined;
  const of = (name: string) => parts.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
  return { call, role: of('role'), mode: of('mode'), again: parts.includes('again') || undefined, work: of('work') };
}

/** running are the calls that have not ended. */
export const running = (state: Phone): readonly Line[] => state.lines.filter((line) => line.phase !== 'ended');

/** incoming is the call that rings here, the oldest first. */
export const incoming = (state: Phone): Line | undefined => state.lines.find((line) => line.phase === 'incoming');

/** current is the call that the keys and the transcript are about: the one that is heard, else the newest that is no ringing one. */
export function current(state: Phone): Line | undefined {
  const own = state.lines.filter((line) => line.phase !== 'incoming');
  return own.findLast((line) => line.phase !== 'ended' && !line.held) ?? own.findLast((line) => line.phase !== 'ended') ?? own.at(-1);
}

/** dialable is what a person typed as it is dialled: a number without its punctuation, or a user's name; '' when it is neither. */
export function dialable(typed: string): string {
  const text = typed.trim();
  if (/^[+\d*#][\d\s().\-/*#]*$/.test(text)) return text.replace(/[\s().\-/]/g, '');
  return /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/.test(text) ? text : '';
}

// JsSIP's names of causes, which are English sentences, to ours.
const causes = new Map([
  ['Terminated', 'normal'],
  ['Canceled', 'cancelled'],
  ['Busy', 'busy'],
  ['Rejected', 'rejected'],
  ['Not Found', 'unknown'],
  ['Address Incomplete', 'unknown'],
  ['Unavailable', 'unavailable'],
  ['No Answer', 'no_answer'],
  ['Expires', 'no_answer'],
  ['Request Timeout', 'network'],
  ['Connection Error', 'network'],
  ['RTP Timeout', 'network'],
  ['User Denied Media Access', 'microphone'],
  ['Incompatible SDP', 'incompatible'],
  ['Missing SDP', 'incompatible'],
]);

/** causeOf is a key of `desk.cause` for a cause of JsSIP. */
export const causeOf = (cause: string): string => causes.get(cause) ?? 'failed';
