// What the server says, in the words of its OpenAPI document (openapi.json, `npm run types`).
// Times are RFC 3339 strings, durations milliseconds, offsets into texts Unicode code points.
// Where the document says less than is so (sides, nulls) it is said here.
import type { components } from './openapi';

type Schemas = components['schemas'];

/** An empty list may come as null. */
type List<T> = T[] | null;

export type Side = 'caller' | 'agent';
export const sides: readonly Side[] = ['caller', 'agent'];

export type CallState = Schemas['Summary']['state'];
export type TranscriptionState = 'live' | 'deferred' | 'done' | 'off';
export type Role = Schemas['User']['role'];
export type QualityNow = Schemas['QualityNow'];

interface Sided {
  side: Side;
}

interface SummaryParts {
  transcription: Partial<Record<Side, TranscriptionState>>;
  quality: QualityNow | null;
  last_words?: (Schemas['LastWords'] & Sided) | null;
}

/** A call as lists show it: an item of GET /calls and the payload of `call.*` events. */
export type CallSummary = Omit<Schemas['Summary'], keyof SummaryParts> & SummaryParts;

/** The payload of `transcript.partial`: the first `stable` characters will not change. */
export type PartialText = Schemas['PartialItem'];

/** An item of GET /calls/live. */
export type LiveCall = CallSummary & { partial?: Partial<Record<Side, PartialText>> | null; parties?: Schemas['PartyItem'][] | null; heard_at?: string; recording_paused?: boolean };

/** GET /calls/live; `seq` is the last event it contains. */
export interface LivePage {
  items: List<LiveCall>;
  seq?: number;
}

/** The payload of `transcript.final` and an item of GET /calls/{id}/transcript. */
export type Utterance = Omit<Schemas['TranscriptItem'], 'late' | 'gap'> & Partial<Pick<Schemas['TranscriptItem'], 'late' | 'gap'>>;

/** The payload of `transcript.gap`. */
export interface Gap extends Sided {
  start_ms: number;
  end_ms: number;
  reason: string;
}

/** The payload of `call.quality`. */
export type Quality = QualityNow & Sided & { rtt_ms: number };

export type Leg = Omit<Schemas['LegView'], 'side'> & Sided;

export type CallDetail = Omit<Schemas['CallDetail'], keyof SummaryParts | 'legs'> & SummaryParts & { legs: List<Leg> };

/** Loudness 0..1, `rate` values a second. */
export type Peaks = Schemas['Peaks'];

export type User = Omit<Schemas['User'], 'created_at'>;
/** Somebody whom one can call inside. */
export type Colleague = Schemas['Colleague'];
export type Session = Omit<Schemas['SessionView'], 'user'> & { user: User };
export type Retention = Schemas['Retention'];

export interface Page<T> {
  items: List<T>;
  next?: string;
  total?: number;
}

export type Worker = Omit<Schemas['WorkerView'], 'models'> & { models: List<string> };
export type Trunk = Schemas['TrunkView'];
export type Model = Schemas['ModelView'];

interface SystemLists {
  workers: List<Worker>;
  trunks: List<Trunk>;
  models: List<Model>;
}

export type System = Omit<Schemas['SystemView'], keyof SystemLists> & SystemLists;

/** The payload of `system.load`, every 2 s; `cpu` in per cent of all cores. */
export interface Load {
  calls: number;
  channels: number;
  capacity: number;
  cpu: number;
  workers?: List<Worker>;
}

/** How angry or distressed a side is so far: the payload of `emotion.mood`. */
export type Mood = Schemas['MoodItem'];
export type MoodState = Mood['state'];

/** One reading of a voice: the payload of `emotion.reading`. `seq` 0 is a sliding one. */
export type Reading = Schemas['ReadingItem'];

/** One time that somebody was asked to look: the payload of `emotion.alert`. */
export type Alert = Schemas['AlertItem'];
export type EmotionLabel = Schemas['LabelItem'];
export type Label = EmotionLabel['label'];

/** GET /calls/{id}/emotion. */
export interface CallEmotion {
  consented: boolean;
  moods: List<Mood>;
  readings: List<Reading>;
  alerts: List<Alert>;
  labels: List<EmotionLabel>;
}

export type MoodRow = Schemas['MoodRow'];
export interface MoodReport {
  by: string;
  rows: List<MoodRow>;
}

interface Envelope {
  /** Grows with every event of the server's process. */
  seq: number;
  at: string;
  call?: string;
}

type Told<T extends string, D> = Envelope & { type: T; data: D };

/** One event of the realtime feed. */
/** A queue of the live board. */
export type QueueBoard = Schemas['QueueBoard'];
export type QueueBoards = Schemas['QueueBoards'];
export type Agent = Schemas['AgentView'];
export type AgentState = Agent['state'];
export type Presence = Agent['presence'];
export type Work = Schemas['WorkView'];
export type Offer = Schemas['OfferView'];
/** Settings of a queue. */
export type QueueSettings = Schemas['QueueDoc'];
export type Skill = Schemas['Skill'];
/** What an agent has before them: GET /agents/me. */
export type Desk = Schemas['DeskView'];

/** One leg of the talk as it is now. */
export type Party = Schemas['PartyItem'];

/** The payload of `call.parties`: who is in the talk, told when that changes. */
export interface Parties {
  id: string;
  parties: Party[];
  recording_paused: boolean;
}

/** A running call by how much it needs a supervisor. */
export type Heat = Schemas['HeatItem'];
export type HeatPart = Schemas['HeatPart'];
export type StateAt = Schemas['StateAt'];
export type Disposition = Schemas['Disposition'];
export type WrapUp = Schemas['WrapUp'];

export type Event =
  | Told<'call.started' | 'call.answered' | 'call.updated' | 'call.ended', CallSummary>
  | Told<'call.parties', Parties>
  | Told<'system.load', Load>
  | Told<'transcript.partial', PartialText>
  | Told<'transcript.final', Utterance>
  | Told<'transcript.gap', Gap>
  | Told<'call.quality', Quality>
  | Told<'emotion.reading', Reading>
  | Told<'emotion.mood', Mood>
  | Told<'emotion.alert', Alert>
  | Told<'call.dtmf', Sided & { count: number }>
  | Told<'flow.node', { flow: string; node: string }>;

/** A ticket as it stands; moments that are not there are absent or begin with 0001. */
export type Ticket = Schemas['Ticket'];
export type TicketState = Ticket['state'];
export type TicketRow = Schemas['Row'];
export type TicketDetail = Omit<Schemas['TicketDetail'], 'moves'> & { moves: TicketState[] };
export type TicketComment = Schemas['Comment'];
export type TicketClock = Schemas['ClockItem'];
export type TicketStep = Schemas['Step'];
export type TicketType = Schemas['Type'];
export type TicketCounts = Schemas['TicketCounts'];
