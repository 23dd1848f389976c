import { sides, type Event, type Gap, type PartialText, type Quality, type Reading, type Side, type Utterance } from '../api/model';

/** What somebody is just saying, and the number of the event that said so. */
export interface Speaking extends PartialText {
  at: number;
}

/** Talk is what is known of the words and the line of one call. */
export interface Talk {
  /** Finals and gaps in the order of call time; each (side, seq) once. */
  readonly utterances: readonly Utterance[];
  readonly speaking: Partial<Readonly<Record<Side, Speaking>>>;
  readonly quality: Partial<Readonly<Record<Side, Quality>>>;
  readonly keys: Readonly<Record<Side, number>>;
  readonly node: { flow: string; node: string } | null;
  /** How each turn sounded, in the order of call time; each (side, seq) once. */
  readonly readings: readonly Reading[];
  /** How somebody sounds right now, while they speak: over the last three seconds. */
  readonly sounding: Partial<Readonly<Record<Side, Reading>>>;
  /** The highest event number seen. */
  readonly seq: number;
  /** A snapshot was merged: what is shown is whole. */
  readonly whole: boolean;
}

export const silence: Talk = {
  utterances: [],
  speaking: {},
  quality: {},
  keys: { caller: 0, agent: 0 },
  node: null,
  readings: [],
  sounding: {},
  seq: 0,
  whole: false,
};

export interface Snapshot {
  utterances: readonly Utterance[];
  partial: Partial<Record<Side, PartialText>>;
  readings?: readonly Reading[];
  /** The last event that the snapshot contains. */
  seq: number;
}

export type Action =
  | { type: 'event'; event: Event }
  /** `asked` is Talk.seq at the moment the snapshot was asked for. */
  | { type: 'snapshot'; snapshot: Snapshot; asked: number };

/** talk applies one event or a snapshot. It is pure, and returns the same object when nothing changed. */
export function talk(state: Talk, action: Action): Talk {
  return action.type === 'snapshot' ? merge(state, action.snapshot, action.asked) : follow(state, action.event);
}

function follow(state: Talk, event: Event): Talk {
  const seq = Math.max(state.seq, event.seq);
  switch (event.type) {
    case 'transcript.partial':
      return grow({ ...state, seq }, event.data, event.seq) ?? state;
    case 'transcript.final':
      return settle({ ...state, seq }, event.data);
    case 'transcript.gap':
      return settle({ ...state, seq }, gapUtterance(event.data));
    case 'call.quality':
      // Out of order is older news; figures of one side only ever replace each other.
      if (event.seq < state.seq && state.quality[event.data.side]) return state;
      return { ...state, seq, quality: { ...state.quality, [event.data.side]: event.data } };
    case 'call.dtmf': {
      const count = Math.max(state.keys[event.data.side], event.data.count);
      return { ...state, seq, keys: { ...state.keys, [event.data.side]: count } };
    }
    case 'emotion.reading':
      return hear({ ...state, seq }, event.data);
    case 'flow.node':
      if (event.seq < state.seq && state.node) return state;
      return { ...state, seq, node: event.data };
    default:
      return state;
  }
}

/** hear takes a reading: of a turn, which settles how the side sounds, or of right now. */
function hear(state: Talk, r: Reading): Talk {
  if (!r.turn) return { ...state, sounding: { ...state.sounding, [r.side]: r } };
  const sounding = { ...state.sounding };
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a side, not a name from outside
  delete sounding[r.side];
  return { ...state, sounding, readings: join(state.readings, [r]) };
}

/** join adds readings, a newer one in the place of the same. */
export function join(known: readonly Reading[], more: readonly Reading[]): readonly Reading[] {
  const all = new Map(known.map((r) => [`${r.side}${r.seq}`, r]));
  for (const r of more) all.set(`${r.side}${r.seq}`, r);
  return [...all.values()].sort((a, b) => a.start_ms - b.start_ms || a.seq - b.seq);
}

/** grow shows a newer guess; null when it is stale: older than the one shown, or its utterance is settled. */
function grow(state: Talk, partial: PartialText, at: number): Talk | null {
  const shown = state.speaking[partial.side];
  if (shown && shown.at >= at) return null;
  if (state.utterances.some((u) => settles(u, partial))) return null;
  return { ...state, speaking: { ...state.speaking, [partial.side]: { ...partial, at } } };
}

/** settles says whether the utterance is the final word on that partial. */
function settles(u: Utterance, p: PartialText): boolean {
  if (u.side !== p.side || u.gap) return false;
  // A worker that took over counts its segments anew, so the number alone is not enough.
  return u.segment === p.segment ? u.end_ms > p.start_ms : u.start_ms >= p.start_ms;
}

function settle(state: Talk, u: Utterance): Talk {
  const utterances = insert(state.utterances, u);
  const shown = state.speaking[u.side];
  if (!shown || !settles(u, shown)) return utterances === state.utterances ? state : { ...state, utterances };
  const speaking = { ...state.speaking };
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a side, not a name from outside
  delete speaking[u.side];
  return { ...state, utterances, speaking };
}

function gapUtterance(gap: Gap): Utterance {
  return { ...gap, seq: -1, segment: 0, text: '', raw: '', words: [], spans: [], turn: 0, gap: true };
}

/** identity is what makes two utterances the same: gaps come as events without a number. */
function identity(u: Utterance): string {
  return u.gap ? `${u.side}:gap:${u.start_ms}` : `${u.side}:${u.seq}`;
}

function before(a: Utterance, b: Utterance): boolean {
  if (a.start_ms !== b.start_ms) return a.start_ms < b.start_ms;
  if (a.side !== b.side) return a.side === 'caller';
  return a.seq < b.seq;
}

/** insert keeps the order and replaces the same utterance, as when it was recognised again afterwards. */
function insert(all: readonly Utterance[], u: Utterance): readonly Utterance[] {
  const id = identity(u);
  const same = all.findIndex((other) => identity(other) === id);
  const known = all[same];
  if (known?.text === u.text && known.end_ms === u.end_ms && known.seq === u.seq) return all;
  const rest = same < 0 ? all : all.filter((_, i) => i !== same);
  let at = rest.length;
  for (let prev = rest[at - 1]; prev && before(u, prev); prev = rest[at - 1]) at--;
  return [...rest.slice(0, at), u, ...rest.slice(at)];
}

/** merge joins a snapshot with what arrived while it was on its way. */
function merge(state: Talk, snapshot: Snapshot, asked: number): Talk {
  let utterances: readonly Utterance[] = snapshot.utterances.toSorted((a, b) => (before(a, b) ? -1 : 1));
  const known = new Set(utterances.map(identity));
  for (const u of state.utterances) {
    if (!known.has(identity(u))) utterances = insert(utterances, u);
  }
  // A server that was started again counts from 1: nothing that was shown is newer then.
  const restarted = snapshot.seq < asked;
  const speaking: Partial<Record<Side, Speaking>> = {};
  for (const side of sides) {
    const ours = state.speaking[side];
    const theirs = snapshot.partial[side];
    const chosen = ours && !restarted && ours.at > snapshot.seq ? ours : theirs && { ...theirs, side, at: snapshot.seq };
    if (chosen && !utterances.some((u) => settles(u, chosen))) speaking[side] = chosen;
  }
  const readings = join(snapshot.readings ?? [], state.readings);
  return { ...state, utterances, speaking, readings, seq: restarted ? snapshot.seq : Math.max(state.seq, snapshot.seq), whole: true };
}

/** split divides a partial's text at its stable prefix, by characters. */
export function split(partial: PartialText): [stable: string, open: string] {
  const characters = Array.from(partial.text);
  return [characters.slice(0, partial.stable).join(''), characters.slice(partial.stable).join('')];
}
