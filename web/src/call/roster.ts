import type { CallSummary, Event, LiveCall } from '../api/model';

interface Entry {
  call: LiveCall;
  /** The number of the event that said so, 0 from a snapshot. */
  at: number;
}

/** Roster is the calls that are running, and for a while those that just ended. */
export interface Roster {
  readonly entries: Readonly<Record<string, Entry>>;
  readonly seq: number;
  readonly whole: boolean;
}

export const nobody: Roster = { entries: {}, seq: 0, whole: false };

export type RosterAction =
  | { type: 'event'; event: Event }
  | { type: 'snapshot'; calls: readonly LiveCall[]; seq: number; asked: number }
  /** Forget a call that has ended. */
  | { type: 'forget'; id: string };

/** roster applies one event, a snapshot or the end of a grace time. Pure. */
export function roster(state: Roster, action: RosterAction): Roster {
  switch (action.type) {
    case 'event':
      return follow(state, action.event);
    case 'snapshot':
      return replace(state, action.calls, action.seq, action.asked);
    case 'forget':
      if (state.entries[action.id]?.call.state !== 'ended') return state;
      return { ...state, entries: Object.fromEntries(Object.entries(state.entries).filter(([id]) => id !== action.id)) };
  }
}

function isCall(event: Event): event is Extract<Event, { data: CallSummary }> {
  return event.type.startsWith('call.') && event.type !== 'call.parties' && 'id' in event.data;
}

/** feel takes the mood of a caller, an alert and the parties of a running call. */
function feel(state: Roster, event: Event): Roster {
  const known = state.entries[event.call ?? ''];
  if (!known || known.at >= event.seq || known.call.state === 'ended') return state;
  let call: LiveCall;
  if (event.type === 'emotion.mood' && event.data.side === 'caller') call = { ...known.call, mood: event.data };
  else if (event.type === 'emotion.alert') call = { ...known.call, alert: event.data.state === 'open' ? event.data : undefined };
  else if (event.type === 'call.parties') call = { ...known.call, parties: event.data.parties, recording_paused: event.data.recording_paused };
  else return state;
  return { ...state, seq: Math.max(state.seq, event.seq), entries: { ...state.entries, [call.id]: { call, at: event.seq } } };
}

function follow(state: Roster, event: Event): Roster {
  if (!isCall(event)) return feel(state, event);
  const seq = Math.max(state.seq, event.seq);
  const known = state.entries[event.data.id];
  if (known && (known.at >= event.seq || (known.call.state === 'ended' && event.data.state !== 'ended'))) return state;
  // The end of a call that was never shown is no news.
  if (!known && event.data.state === 'ended') return { ...state, seq };
  // An alert that is not there any more is left out, not told.
  const call = { ...known?.call, alert: undefined, ...event.data };
  return { ...state, seq, entries: { ...state.entries, [call.id]: { call, at: event.seq } } };
}

/** replace takes the snapshot for the truth, but for calls that had news after its last event. */
function replace(state: Roster, calls: readonly LiveCall[], seq: number, asked: number): Roster {
  const entries: Record<string, Entry> = {};
  for (const call of calls) entries[call.id] = { call, at: seq };
  // A server that was started again counts from 1: nothing that was shown is newer then.
  const restarted = seq < asked;
  for (const [id, entry] of Object.entries(state.entries)) {
    if ((!restarted && entry.at > seq) || entry.call.state === 'ended') entries[id] = entry;
  }
  return { entries, seq: restarted ? seq : Math.max(state.seq, seq), whole: true };
}

/** inOrder lists the calls, the newest first. */
export function inOrder(state: Roster): LiveCall[] {
  return Object.values(state.entries)
    .map((entry) => entry.call)
    .sort((a, b) => b.started_at.localeCompare(a.started_at) || b.id.localeCompare(a.id));
}
