import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { base, request } from '../api/client';
import type { components } from '../api/openapi';

type Schemas = components['schemas'];

export type Table = Schemas['ReportTable'];
export type Row = Schemas['ReportRow'];
export type Column = Schemas['ReportColumn'];
export type Item = Schemas['ReportItem'];

/** names are the reports, in the order of their tabs. */
export const names = ['volume', 'response', 'service', 'backlog', 'bot', 'csat', 'agents', 'tickets', 'mood', 'questions'] as const;
export type Name = (typeof names)[number];

/** cuts are what each report can be cut by; the first is shown when nothing is chosen. */
export const cuts: Record<Name, readonly string[]> = {
  volume: ['time', 'hour', 'weekday', 'channel', 'queue', 'agent', 'language', 'bot'],
  response: ['time', 'hour', 'weekday', 'channel', 'queue', 'agent', 'language', 'bot'],
  service: ['time', 'hour', 'weekday', 'queue', 'channel', 'agent', 'language'],
  backlog: ['time'],
  bot: ['time', 'hour', 'weekday', 'channel', 'language', 'queue'],
  csat: ['time', 'hour', 'weekday', 'channel', 'queue', 'agent', 'language', 'bot'],
  agents: ['agent', 'time', 'hour', 'weekday'],
  tickets: ['type', 'state', 'priority', 'queue', 'agent', 'language', 'time', 'hour', 'weekday'],
  mood: ['queue', 'hour', 'disposition', 'time', 'weekday', 'agent', 'language'],
  questions: ['question'],
};

/** lead is the column that each report's chart begins with. */
export const lead: Record<Name, string> = {
  volume: 'contacts',
  response: 'first_human',
  service: 'level',
  backlog: 'backlog',
  bot: 'containment',
  csat: 'score',
  agents: 'handled',
  tickets: 'tickets',
  mood: 'mood',
  questions: 'asked',
};

/** What the page can be asked for; empty fields do not narrow. */
export interface ReportSearch {
  report?: Name;
  by?: string;
  days?: number;
  from?: string;
  to?: string;
  queue?: string;
  agent?: string;
  channel?: string;
  language?: string;
  bot?: 'people' | 'bot';
  before?: boolean;
  column?: string;
}

/** byOf is the cut of a search, one that its report has. */
export function byOf(s: ReportSearch): string {
  const all = cuts[s.report ?? 'volume'];
  return all.find((by) => by === s.by) ?? all[0] ?? 'time';
}

function query(s: ReportSearch): Record<string, string | number | boolean | undefined> {
  return { by: byOf(s), days: s.from ? undefined : s.days, from: s.from, to: s.from ? s.to : undefined, queue: s.queue, agent: s.agent, channel: s.channel, language: s.language, bot: s.bot };
}

const path = (s: ReportSearch) => `/analytics/${s.report ?? 'volume'}`;

/** asked is what of a search the figures depend on. */
const asked = (s: ReportSearch) => ({ report: s.report ?? 'volume', ...query(s) });

export const table = (s: ReportSearch) =>
  queryOptions({ queryKey: ['reports', asked(s), !!s.before], queryFn: ({ signal }) => request<Table>(path(s), { signal, query: { ...query(s), compare: s.before } }), staleTime: 30_000 });

/** sheet is the address of the same figures as CSV. */
export function sheet(s: ReportSearch): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...query(s), compare: s.before })) if (value !== undefined) params.set(name, String(value));
  return `${base}${path(s)}/csv?${params.toString()}`;
}

/** Number is one number of a table: of a row, or of the total. */
export interface Place {
  column: string;
  key?: string;
}

/** behind lists what is behind a number, in the span of its table, so that the two agree. */
export const behind = (s: ReportSearch, shown: Table, place: Place) =>
  infiniteQueryOptions({
    queryKey: ['reports', 'items', asked(s), shown.since, shown.until, place],
    queryFn: ({ pageParam, signal }) =>
      request<Schemas['ReportItems']>(`${path(s)}/items`, {
        signal,
        query: { ...query(s), by: shown.by, days: undefined, from: undefined, to: undefined, since: shown.since, until: shown.until, zone: shown.zone, column: place.column, total: place.key === undefined || undefined, key: place.key, cursor: pageParam, limit: 50 },
      }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
  });

/** known are the queues, agents, channels and languages of the last 90 days, to choose from. */
export const known = (by: 'queue' | 'agent' | 'channel' | 'language') =>
  queryOptions({
    queryKey: ['reports', 'known', by],
    queryFn: ({ signal }) => request<Table>(by === 'agent' ? '/analytics/agents' : '/analytics/volume', { signal, query: { by, days: 90 } }),
    staleTime: 300_000,
    select: (t) => t.rows.filter((row) => row.key !== '' && row.key !== '0'),
  });

/** change is by how much a figure differs from the one before, as a share of that; undefined when there is none. */
export function change(now: number | null | undefined, before: number | null | undefined): number | undefined {
  if (now === null || now === undefined || !before) return undefined;
  return (now - before) / Math.abs(before);
}

/** top is the end of a scale that holds a number: 1, 2, 4, 5 or 10 times a power of ten. */
export function top(n: number): number {
  if (!(n > 0)) return 1;
  const ten = 10 ** Math.floor(Math.log10(n));
  return (([1, 2, 4, 5].find((step) => step * ten >= n * 0.999_999) ?? 10) * ten);
}
