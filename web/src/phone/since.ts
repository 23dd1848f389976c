import type { LiveCall, Side } from '../api/model';
import type { Talk } from '../call/talk';

/**
 * heardSince is how long a side has said nothing, by its words, ms; 0 while it
 * speaks, null when its words are not taken down.
 */
export function heardSince(call: LiveCall, talk: Talk, side: Side, now: number): number | null {
  if (call.transcription[side] !== 'live' || !call.answered_at) return null;
  if (talk.speaking[side]) return 0;
  const last = talk.utterances.findLast((u) => u.side === side && !u.gap);
  return Math.max(0, now - Date.parse(call.answered_at) - (last?.end_ms ?? 0));
}
