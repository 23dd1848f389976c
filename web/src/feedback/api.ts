import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { request } from '../api/client';
import type { components } from '../api/openapi';

type Schemas = components['schemas'];

export type Item = Schemas['FeedbackItem'];
export type Summary = Schemas['FeedbackSummary'];
export type Theme = Schemas['FeedbackTheme'];
export type Case = Schemas['FeedbackCase'];
export type CaseRow = Schemas['FeedbackCaseRow'];
export type CaseDetail = Schemas['CaseDetail'];
export type Note = Schemas['FeedbackMessage'];
export type Step = Schemas['FeedbackStep'];
export type Cause = Schemas['FeedbackCause'];
export type Report = Schemas['FeedbackCauseReport'];
export type Link = Schemas['FeedbackLink'];
export type Survey = Schemas['FeedbackSurvey'];
export type Schedule = Schemas['FeedbackSchedule'];
export type NPSFigures = Schemas['FeedbackNPSFigures'];

export const kinds = ['csat', 'nps', 'complaint', 'idea', 'bug'] as const;
export const sources = ['chat', 'call', 'ticket', 'page', 'api'] as const;
export const topics = ['delivery', 'quality', 'price', 'refund', 'attitude', 'waiting', 'answer', 'bot', 'app', 'promise'] as const;
export const caseStates = ['new', 'contacted', 'cause_found', 'fixed', 'customer_told', 'verified', 'closed'] as const;
export const areas = ['product', 'process', 'agent', 'article', 'other'] as const;
export const ways = ['call', 'email', 'letter', 'visit'] as const;
export const surveyStates = ['waiting', 'sent', 'answered', 'expired', 'dropped'] as const;
export const tabs = ['said', 'cases', 'surveys', 'report', 'causes'] as const;
export type Tab = (typeof tabs)[number];

/** What the page can be asked for; empty fields do not filter. */
export interface FeedbackFilter {
  tab?: Tab;
  q?: string;
  kind?: string;
  source?: string;
  topic?: string;
  bad?: boolean;
  days?: number;
  state?: string;
  owner?: string;
  late?: boolean;
  waiting?: boolean;
  cause?: string;
  product?: string;
  process?: string;
  outcome?: string;
}

/** since is the moment so many days ago, by the hour: the same query for an hour. */
const since = (days: number) => new Date(Math.floor(Date.now() / 3_600_000 - days * 24) * 3_600_000).toISOString();

const saidQuery = (f: FeedbackFilter) => ({ q: f.q, kind: f.kind, source: f.source, topic: f.topic, most: f.bad ? 2 : undefined, since: since(f.days ?? 30) });

export function said(f: FeedbackFilter) {
  return infiniteQueryOptions({
    queryKey: ['feedback', 'said', f],
    queryFn: ({ pageParam, signal }) => request<Schemas['FeedbackPage']>('/feedback', { signal, query: { ...saidQuery(f), cursor: pageParam, limit: 40 } }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
  });
}

export const summary = (f: FeedbackFilter) => queryOptions({ queryKey: ['feedback', 'summary', f], queryFn: ({ signal }) => request<Summary>('/feedback/summary', { signal, query: saidQuery(f) }) });

export function cases(f: FeedbackFilter) {
  return infiniteQueryOptions({
    queryKey: ['feedback', 'cases', f],
    queryFn: ({ pageParam, signal }) =>
      request<Schemas['CasePage']>('/cases', {
        signal,
        query: { state: f.state, owner: f.owner, late: f.late, waiting: f.waiting, cause: f.cause, product: f.product, process: f.process, outcome: f.outcome, since: f.days ? since(f.days) : undefined, cursor: pageParam, limit: 40 },
      }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
  });
}

export const caseCounts = queryOptions({ queryKey: ['feedback', 'counts'], queryFn: ({ signal }) => request<Schemas['CaseCounts']>('/cases/counts', { signal }) });

export const oneCase = (id: string) => queryOptions({ queryKey: ['feedback', 'case', id], queryFn: ({ signal }) => request<CaseDetail>(`/cases/${id}`, { signal }) });

export const causes = queryOptions({ queryKey: ['feedback', 'causes'], queryFn: ({ signal }) => request<Schemas['CauseList']>('/causes', { signal }).then((list) => list.items), staleTime: 60_000 });

export const report = (days: number) => queryOptions({ queryKey: ['feedback', 'report', days], queryFn: ({ signal }) => request<Report>('/reports/causes', { signal, query: { since: since(days) } }) });

export function surveys(f: FeedbackFilter) {
  return infiniteQueryOptions({
    queryKey: ['feedback', 'surveys', f.state],
    queryFn: ({ pageParam, signal }) => request<Schemas['SurveyPage']>('/feedback/surveys', { signal, query: { state: f.state, cursor: pageParam, limit: 40 } }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
  });
}

export const schedule = queryOptions({ queryKey: ['feedback', 'schedule'], queryFn: ({ signal }) => request<Schedule>('/feedback/schedule', { signal }) });

export const npsReport = (days: number) => queryOptions({ queryKey: ['feedback', 'nps', days], queryFn: ({ signal }) => request<Schemas['FeedbackNPSReport']>('/reports/nps', { signal, query: { since: since(days) } }) });

/** openCases are the cases of one contact of ours (conversation:12, ticket:1001) that are not closed. */
export const openCases = (query: { reason?: string; ticket?: number }) =>
  queryOptions({
    queryKey: ['feedback', 'open', query],
    queryFn: ({ signal }) => request<Schemas['CasePage']>('/cases', { signal, query: { ...query, state: 'new,contacted,cause_found,fixed,customer_told,verified', limit: 5 } }).then((page) => page.items),
    staleTime: 30_000,
  });

/** walk puts a tree of causes into the order in which it is read, with its depth. */
export function walk(all: readonly Cause[]): { cause: Cause; depth: number }[] {
  const below = (parent: string, depth: number): { cause: Cause; depth: number }[] =>
    all.filter((cause) => (cause.parent ?? '') === parent).flatMap((cause) => [{ cause, depth }, ...below(cause.code, depth + 1)]);
  return below('', 0);
}
