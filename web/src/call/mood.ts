import { useSuspenseQuery } from '@tanstack/react-query';
import type { Alert, CallSummary, LiveCall, Mood, MoodState, Reading, Session } from '../api/model';
import { session } from '../api/queries';

/** Above `tense` a mood is tense, from `angry` on it is angry: what `emotion.rules` of the server says, told by the session. */
export type Limits = Session['mood'];

/** useLimits are those of the server. Nobody sees a mood without a session. */
export function useLimits(): Limits {
  return useSuspenseQuery(session).data?.mood ?? { tense: 1, angry: 1 };
}

/** stateOf is a mood in one word. */
export function stateOf(e: number, limits: Limits): MoodState {
  if (e >= limits.angry) return 'angry';
  return e > limits.tense ? 'tense' : 'calm';
}

/** Bar is one turn on the ribbon. */
export interface Bar {
  key: string;
  start: number;
  end: number;
  /** 0.15 to 1: nothing is so calm that it cannot be seen and pressed. */
  height: number;
  /** How it is drawn: colour and pattern. */
  look: MoodState;
  /** The model abstained, or only the words could be read. */
  doubtful: boolean;
  reading: Reading;
}

/** bars are the caller's turns for the ribbon, the last `most`. */
export function bars(readings: readonly Reading[], limits: Limits, most = 120): Bar[] {
  return readings
    .filter((r) => r.side === 'caller' && r.turn)
    .slice(-most)
    .map((reading) => ({
      key: `${reading.side}${reading.seq}`,
      start: reading.start_ms,
      end: reading.end_ms,
      height: Math.max(0.15, Math.min(1, reading.e)),
      look: stateOf(reading.e, limits),
      doubtful: reading.class === 'unsure' || reading.class === '',
      reading,
    }));
}

/** Mark is a stretch to be shown over the waveform. */
export interface Mark {
  key: string;
  /** Parts of the whole, 0 to 1. */
  from: number;
  to: number;
  start: number;
  look: MoodState;
  alert: boolean;
}

/** marks are the angry and tense turns of the caller and all alerts, over a recording of `duration` ms. */
export function marks(readings: readonly Reading[], alerts: readonly Alert[], duration: number, limits: Limits): Mark[] {
  if (duration <= 0) return [];
  const part = (ms: number) => Math.max(0, Math.min(1, ms / duration));
  const turns = bars(readings, limits, Infinity)
    .filter((bar) => bar.look !== 'calm')
    .map((bar): Mark => ({ key: bar.key, from: part(bar.start), to: part(bar.end), start: bar.start, look: bar.look, alert: false }));
  const raised = alerts.map((a): Mark => ({ key: `alert${a.n}`, from: part(a.start_ms), to: part(a.end_ms), start: a.start_ms, look: 'angry', alert: true }));
  return [...turns, ...raised].filter((m) => m.to > m.from);
}

/** shownMood is the mood to show of a call: now while it runs, of the whole afterwards. */
export function shownMood(call: Pick<CallSummary, 'state' | 'mood'>): { state: MoodState; value: number; mood: Mood } | null {
  const mood = call.mood;
  if (!mood || mood.turns === 0) return null;
  return { state: mood.state, value: call.state === 'ended' ? mood.value : mood.now, mood };
}

/** Need is a running call that somebody should look at. */
export interface Need {
  call: LiveCall;
  score: number;
  why: 'supervisor' | 'alert' | 'angry' | 'rising' | 'tense';
}

/** needs lists the running calls that need somebody, the most urgent first. */
export function needs(calls: readonly LiveCall[], limits: Limits): Need[] {
  const found: Need[] = [];
  for (const call of calls) {
    const mood = call.mood;
    if (call.state === 'ended' || (!mood && !call.alert)) continue;
    const now = mood?.now ?? 0;
    if (call.alert?.level === 'supervisor') found.push({ call, score: 2 + now, why: 'supervisor' });
    else if (call.alert) found.push({ call, score: 1 + now, why: 'alert' });
    else if (mood?.state === 'angry') found.push({ call, score: now, why: 'angry' });
    else if (mood && mood.trend >= 0.1 && now > limits.tense - 0.1) found.push({ call, score: now + mood.trend / 2, why: 'rising' });
    else if (mood?.state === 'tense') found.push({ call, score: now, why: 'tense' });
  }
  return found.sort((a, b) => b.score - a.score || a.call.id.localeCompare(b.call.id));
}

/** adviceOf is what to do, in the language of the pages. */
export function adviceOf(alert: Alert, language: string) {
  return alert.advice[language.startsWith('zh') ? 'zh' : 'en'] ?? alert.advice.en;
}
