import { queryOptions } from '@tanstack/react-query';
import { request } from '../api/client';
import type { components } from '../api/openapi';

type Schemas = components['schemas'];

export type Number_ = Schemas['Number'];
export type Trunk = Schemas['Trunk'];
export type Outbound = Schemas['Outbound'];
export type Flow = Schemas['Flow'];
export type Prompt = Schemas['Prompt'];
export type Codecs = Schemas['Codecs'];
export type Relay = Schemas['Relay'];
export type AlertRule = Schemas['AlertRule'];
export type Rule = Schemas['Automation'];
export type Macro = Schemas['Macro'];
export type Template = Schemas['TicketTemplate'];
export type Webhook = Schemas['Webhook'];
export type Calendar = Schemas['Calendar'];
export type Day = Schemas['Day'];
export type Span = Schemas['Span'];
export type QueueAlert = Schemas['QueueAlert'];
export type Kiosk = Schemas['KioskView'];
export type Wall = Schemas['Wall'];
export type WallQueue = Schemas['WallQueue'];
export type FlowCheck = Schemas['FlowCheck'];
export type Picture = Schemas['Picture'];
export type Rehearsal = Schemas['Rehearsal'];
export type Outcome = Schemas['Outcome'];

/** The documents by the paths of their settings. */
export interface Docs {
  numbers: Number_;
  flows: Flow;
  prompts: Prompt;
  trunks: Trunk;
  outbound: Outbound;
  codecs: Codecs;
  turn: Relay;
  'alert-rules': AlertRule;
  rules: Rule;
  macros: Macro;
  'ticket-templates': Template;
  webhooks: Webhook;
}

/** What has versions: settings, and opening hours, which are kept with the queues. */
export type Versioned = Kind | 'calendars';

export type Kind = keyof Docs;

/** One thing that is set, or that the configuration file sets. */
export interface Setting<D> {
  name: string;
  source: 'stored' | 'file';
  doc: D;
  version: number;
  newest: number;
  live: number;
  secrets: string[];
  note?: string;
  author?: string;
  at?: string;
}

export interface Settings<D> {
  items: Setting<D>[];
  restart: boolean;
  pending: boolean;
}

/** The name of what there is once. */
export const single = 'server';

export const settings = <K extends Kind>(kind: K) =>
  queryOptions({ queryKey: ['admin', kind], queryFn: ({ signal }) => request<Settings<Docs[K]>>(`/settings/${kind}`, { signal }) });

/** liveFlows are the flows that calls can take: of a file, or with a live version. */
export const liveFlows = queryOptions({ ...settings('flows'), select: (all) => all.items.filter((flow) => flow.source === 'file' || flow.live > 0) });

export const setting = <K extends Kind>(kind: K, name: string, version = 0) =>
  queryOptions({
    queryKey: ['admin', kind, name, version],
    queryFn: ({ signal }) => request<Setting<Docs[K]>>(`/settings/${kind}/${encodeURIComponent(name)}`, { signal, query: { version: version || undefined } }),
  });

export const versions = <K extends Versioned>(kind: K, name: string) =>
  queryOptions({
    queryKey: ['admin', kind, name, 'versions'],
    queryFn: ({ signal }) => request<Settings<K extends Kind ? Docs[K] : Calendar>>(`/settings/${kind}/${encodeURIComponent(name)}/versions`, { signal }).then((page) => page.items),
  });

export const hours = queryOptions({
  queryKey: ['queues', 'calendars', 'whole'],
  queryFn: ({ signal }) => request<{ items: Calendar[] }>('/calendars', { signal }).then((page) => page.items),
});

export const kiosks = queryOptions({ queryKey: ['admin', 'kiosks'], queryFn: ({ signal }) => request<{ items: Kiosk[] }>('/kiosks', { signal }).then((page) => page.items) });

/** queueAlerts are those that hold and those of the last day. */
export const queueAlerts = queryOptions({
  queryKey: ['queues', 'alerts'],
  queryFn: ({ signal }) => request<{ items: QueueAlert[] }>('/queues/alerts', { signal }).then((page) => page.items),
  refetchInterval: 3000,
});

export const put = <K extends Kind>(kind: K, name: string, body: { doc: Docs[K]; version?: number; draft?: boolean; note?: string }) =>
  request<Outcome>(`/settings/${kind}/${encodeURIComponent(name)}`, { method: 'PUT', body });

/** check says what would be wrong with a document; nothing is kept. */
export const check = <K extends Kind>(kind: K, name: string, doc: Docs[K], signal?: AbortSignal) =>
  request(`/settings/${kind}/${encodeURIComponent(name)}/check`, { method: 'POST', body: { doc }, signal });

export const remove = (kind: Kind, name: string) => request<Outcome>(`/settings/${kind}/${encodeURIComponent(name)}`, { method: 'DELETE' });

export const publish = (kind: Versioned, name: string, version: number) => request<Outcome>(`/settings/${kind}/${encodeURIComponent(name)}/live`, { method: 'POST', body: { version } });

/** bare leaves out what is empty, so that a document says only what somebody wrote. */
export function bare<T extends object>(doc: T): T {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(doc) as [string, unknown][]) {
    if (value === undefined || value === null || value === '' || value === false || value === 0) continue;
    if (Array.isArray(value) && value.length === 0) continue;
    if (typeof value === 'object' && !Array.isArray(value)) {
      const inner = bare(value);
      if (Object.keys(inner).length > 0) out[key] = inner;
      continue;
    }
    out[key] = value;
  }
  return out as T;
}
