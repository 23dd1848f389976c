import { queryOptions } from '@tanstack/react-query';
import { request } from '../api/client';
import type { components } from '../api/openapi';

type Schemas = components['schemas'];

export type Condition = Schemas['Condition'];
export type Action = Schemas['Action'];
export type Rule = Schemas['Automation'];
export type Macro = Schemas['NamedMacro'];
export type Run = Schemas['Run'];
export type Did = Schemas['ActionResult'];
export type Trial = Schemas['RuleTrial'];
export type Vocabulary = Schemas['Vocabulary'];
export type Fact = Schemas['FactField'];
export type Delivery = Schemas['Delivery'];
export type TemplateItem = Schemas['TemplateItem'];
export type Notification_ = Schemas['Notification'];
export type TicketView = Schemas['TicketView'];

/** What a macro is run on. */
export interface Thing {
  kind: 'conversation' | 'ticket';
  id: string | number;
}

const asked = (things: readonly Thing[]) => things.map((thing) => ({ kind: thing.kind, id: String(thing.id) }));

/** macros are those that the user may run on objects of a kind. */
export const macros = (kind: Thing['kind']) =>
  queryOptions({ queryKey: ['macros', kind], queryFn: ({ signal }) => request<{ items: Macro[] }>('/macros', { signal, query: { kind } }).then((page) => page.items), staleTime: 30_000 });

export const runMacro = (name: string, things: readonly Thing[], dry: boolean) =>
  request<{ items: Run[] }>(`/macros/${encodeURIComponent(name)}/run`, { method: 'POST', body: { objects: asked(things), dry } }).then((page) => page.items);

export const undoMacro = (run: number) => request<Run>(`/macro-runs/${run}/undo`, { method: 'POST' });

export const vocabulary = queryOptions({ queryKey: ['admin', 'vocabulary'], queryFn: ({ signal }) => request<Vocabulary>('/rules/vocabulary', { signal }), staleTime: 60_000 });

/** runs are what rules or macros did, the latest first; `name` narrows. */
export const runs = (kind: 'rule' | 'macro', name?: string) =>
  queryOptions({ queryKey: ['admin', 'runs', kind, name], queryFn: ({ signal }) => request<{ items: Run[] }>('/rules/runs', { signal, query: { kind, name, limit: 50 } }).then((page) => page.items) });

export const tryRule = (name: string, doc: Rule, days: number) => request<Trial>(`/rules/${encodeURIComponent(name)}/trial`, { method: 'POST', body: { doc, days } });

export interface DeliveryFilter {
  target?: string;
  state?: string;
}

export const deliveries = (filter: DeliveryFilter, before?: number) => request<{ items: Delivery[]; next?: number }>('/webhooks/deliveries', { query: { ...filter, before, limit: 50 } });

export const replay = (target: string, ids: number[]) => request<{ letters: number }>(`/webhooks/${encodeURIComponent(target)}/replay`, { method: 'POST', body: { ids } });

export const testWebhook = (target: string) => request<Schemas['Tried']>(`/webhooks/${encodeURIComponent(target)}/test`, { method: 'POST' });

export const templates = queryOptions({
  queryKey: ['ticket-templates'],
  queryFn: ({ signal }) => request<{ items: TemplateItem[] }>('/ticket-templates', { signal }).then((page) => page.items),
  staleTime: 30_000,
});

export const notifications = queryOptions({
  queryKey: ['notifications'],
  queryFn: ({ signal }) => request<{ items: Notification_[]; new: number }>('/notifications', { signal }),
  refetchInterval: 60_000,
});

export const sawNotifications = (until: number) => request('/notifications/seen', { method: 'POST', body: { until } });

export const ticketViews = queryOptions({ queryKey: ['tickets', 'views'], queryFn: ({ signal }) => request<{ items: TicketView[] }>('/ticket-views', { signal }).then((page) => page.items) });
