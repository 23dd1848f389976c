// The wire format of /api/v1 and of the realtime feed: times are RFC 3339 strings,
// durations are milliseconds, offsets into texts are counted in Unicode code points.

export type Side = 'caller' | 'agent';
export const sides: readonly Side[] = ['caller', 'agent'];

export type CallState = 'ringing' | 'active' | 'ended';
export type TranscriptionState = 'live' | 'deferred' | 'done' | 'off';
export type Role = 'agent' | 'supervisor' | 'admin';

export interface QualityNow {
  mos: number;
  loss_pct: number;
  jitter_ms: number;
}

export interface LastWords {
  side: Side;
  text: string;
}

/** A call as lists show it: an item of GET /calls and the payload of `call.*` events. */
export interface CallSummary {
  id: string;
  state: CallState;
  direction: 'in' | 'out';
  from: string;
  from_name: string;
  to: string;
  trunk: string;
  route: string;
  language: string;
  started_at: string;
  answered_at?: string | null;
  ended_at?: string | null;
  duration_ms: number;
  cause?: string;
  consent: string;
  has_recording: boolean;
  transcription: Partial<Record<Side, TranscriptionState>>;
  quality: QualityNow | null;
  last_words?: LastWords | null;
  /** Escaped HTML with <mark> around what was searched. */
  snippet?: string;
}

/** The payload of `transcript.partial`: the first `stable` characters will not change. */
export interface PartialText {
  side: Side;
  segment: number;
  start_ms: number;
  end_ms: number;
  text: string;
  stable: number;
}

/** An item of GET /calls/live. */
export interface LiveCall extends CallSummary {
  partial?: Partial<Record<Side, PartialText>> | null;
}

/** GET /calls/live; `seq` is the last event it contains. */
export interface LivePage {
  items: LiveCall[] | null;
  seq?: number;
}

export interface Word {
  text: string;
  start_ms: number;
  end_ms: number;
  conf: number;
}

/** Characters [text_start, text_end) of the text stand for words [from, to). */
export interface Span {
  text_start: number;
  text_end: number;
  from: number;
  to: number;
}

/** The payload of `transcript.final` and an item of GET /calls/{id}/transcript. */
export interface Utterance {
  side: Side;
  seq: number;
  segment: number;
  start_ms: number;
  end_ms: number;
  text: string;
  raw: string;
  words: Word[];
  spans: Span[];
  turn: number;
  late?: boolean;
  gap?: boolean;
  reason?: string;
}

export interface Gap {
  side: Side;
  start_ms: number;
  end_ms: number;
  reason: string;
}

export interface Quality extends QualityNow {
  side: Side;
  rtt_ms: number;
}

export interface Leg {
  n: number;
  side: Side;
  direction: string;
  peer: string;
  codec: string;
  transport: string;
  secure: boolean;
  started_at: string;
  answered_at?: string | null;
  ended_at?: string | null;
  cause?: string;
  packets_in: number;
  packets_out: number;
  lost: number;
  loss_pct: number;
  jitter_ms: number;
  rtt_ms: number;
  mos: number;
}

export interface Recording {
  duration_ms: number;
  bytes: number;
  url: string;
}

export interface CallDetail extends CallSummary {
  sip_status?: number;
  legs: Leg[] | null;
  data?: Record<string, unknown> | null;
  recording?: Recording | null;
}

/** Loudness 0..1, `rate` values a second. */
export interface Peaks {
  rate: number;
  duration_ms: number;
  left: number[];
  right: number[];
}

export interface User {
  id: string;
  username: string;
  name: string;
  role: Role;
  language: string;
  disabled?: boolean;
}

export interface Session {
  user: User;
  csrf: string;
}

export interface Page<T> {
  items: T[] | null;
  next?: string | null;
  total?: number | null;
}

export interface Worker {
  id: string;
  address: string;
  state: string;
  pid: number;
  rss_mb: number;
  channels: number;
  capacity: number;
  cpu_pct: number;
  lateness_p99_ms: number;
  restarts: number;
  models: string[] | null;
}

export interface Trunk {
  name: string;
  state: string;
  calls: number;
  max_calls: number;
  cps: number;
  last_options_at?: string | null;
  rejected: number;
}

export interface Model {
  language: string;
  name: string;
  graph: string;
}

export interface System {
  version: string;
  started_at: string;
  calls: { active: number; max: number };
  workers: Worker[] | null;
  trunks: Trunk[] | null;
  database: { state: string; latency_ms: number; queued_writes: number };
  media: { ports_used: number; ports_total: number; clock_late_p99_ms: number } & Record<string, unknown>;
  models: Model[] | null;
}

/** The payload of `system.load`, every 2 s. */
export interface Load {
  calls: number;
  channels: number;
  capacity: number;
  cpu: number;
  workers?: Worker[] | null;
}

export interface Retention {
  recordings_days: number;
  transcripts_days: number;
  records_days: number;
  audit_days: number;
}

/** One event of the realtime feed. `seq` grows with every event of the server's process. */
export type Event =
  | { type: 'call.started' | 'call.answered' | 'call.updated' | 'call.ended'; seq: number; at: string; call?: string; data: CallSummary }
  | { type: 'system.load'; seq: number; at: string; call?: string; data: Load }
  | { type: 'transcript.partial'; seq: number; at: string; call?: string; data: PartialText }
  | { type: 'transcript.final'; seq: number; at: string; call?: string; data: Utterance }
  | { type: 'transcript.gap'; seq: number; at: string; call?: string; data: Gap }
  | { type: 'call.quality'; seq: number; at: string; call?: string; data: Quality }
  | { type: 'call.dtmf'; seq: number; at: string; call?: string; data: { side: Side; count: number } }
  | { type: 'flow.node'; seq: number; at: string; call?: string; data: { flow: string; node: string } };
