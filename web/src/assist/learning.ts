// What the pages of learning and practice ask the server for.
import { queryOptions } from '@tanstack/react-query';
import { request } from '../api/client';
import type { components } from '../api/openapi';

type Schemas = components['schemas'];
export type Suggestion = Schemas['AssistCluster'];
export type Unanswered = Schemas['AssistQuestion'];
export type Health = Schemas['AssistHealth'];
export type Week = Schemas['BotWeek'];
export type Case = Schemas['AssistCase'];
export type Run = Schemas['AssistPracticeRun'];

export const suggestions = (state: string) =>
  queryOptions({ queryKey: ['kb', 'suggestions', state], queryFn: ({ signal }) => request<Schemas['SuggestionList']>('/kb/suggestions', { signal, query: { state } }).then((list) => list.items) });

export const unanswered = (lang: string | undefined, before: number | undefined) =>
  queryOptions({ queryKey: ['kb', 'unanswered', lang, before], queryFn: ({ signal }) => request<Schemas['UnansweredPage']>('/kb/unanswered', { signal, query: { lang, before } }), placeholderData: (old) => old });

export const health = queryOptions({ queryKey: ['kb', 'health'], queryFn: ({ signal }) => request<Health>('/kb/health', { signal }), refetchInterval: 30_000 });

export const cases = queryOptions({ queryKey: ['practice', 'cases'], queryFn: ({ signal }) => request<Schemas['CaseList']>('/practice/cases', { signal }).then((list) => list.items) });

export const results = queryOptions({ queryKey: ['practice', 'results'], queryFn: ({ signal }) => request<Schemas['PracticeResults']>('/practice/results', { signal, query: { days: 90 } }).then((list) => list.items) });

/** share is a part in percent, 0 of nothing. */
export const share = (part: number, of: number) => (of > 0 ? (100 * part) / of : 0);

/** byLang puts weeks of one language together, in their order. */
export function byLang(weeks: readonly Week[]): [string, Week[]][] {
  const found = new Map<string, Week[]>();
  for (const week of weeks) found.set(week.lang, [...(found.get(week.lang) ?? []), week]);
  return [...found.entries()].sort(([a], [b]) => b.localeCompare(a));
}
