// What the API says of lists of calls to make.
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { request } from '../api/client';
import type { components } from '../api/openapi';

type Schemas = components['schemas'];

export type CallList = Schemas['CallListView'];
/** What one chooses of a list. */
export type CallListSettings = Pick<CallList, 'name' | 'queue'> & Partial<Pick<CallList, 'note' | 'mode' | 'urgency' | 'language' | 'purpose' | 'attempts' | 'busy_s' | 'no_answer_s' | 'failed_s' | 'preview_s' | 'until'>>;
export type Entry = Schemas['CallListEntry'];
export type EntryDetail = Schemas['CallListEntryDetail'];
export type Attempt = Schemas['CallListAttempt'];
export type Missed = Schemas['Missed'];
export type ImportReport = Schemas['CallListImport'];
export type Preview = Schemas['PreviewView'];
export type Added = Schemas['AddedEntries'];

/** entryStates in the order in which they are shown; the first two are not over. */
export const entryStates = ['pending', 'queued', 'done', 'unreached', 'skipped', 'refused', 'cancelled'] as const;
export type EntryState = (typeof entryStates)[number];

export interface EntryFilter {
  state?: string;
  q?: string;
}

const key = ['call-lists'] as const;

export const callLists = queryOptions({
  queryKey: [...key, 'all'],
  queryFn: ({ signal }) => request<{ items: CallList[] }>('/call-lists', { signal }).then((page) => page.items),
  refetchInterval: 10_000,
});

export const callList = (id: string) => queryOptions({ queryKey: [...key, 'one', id], queryFn: ({ signal }) => request<CallList>(`/call-lists/${id}`, { signal }), refetchInterval: 10_000 });

export const entries = (id: string, filter: EntryFilter) =>
  infiniteQueryOptions({
    queryKey: [...key, 'entries', id, filter],
    queryFn: ({ pageParam, signal }) => request<{ items: Entry[]; next?: string }>(`/call-lists/${id}/entries`, { signal, query: { state: filter.state, q: filter.q, cursor: pageParam, limit: 50 } }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: 10_000,
  });

export const entry = (list: string, id: number) => queryOptions({ queryKey: [...key, 'entry', list, id], queryFn: ({ signal }) => request<EntryDetail>(`/call-lists/${list}/entries/${id}`, { signal }) });

export const missed = (queue: string, days: number) =>
  queryOptions({ queryKey: [...key, 'missed', queue, days], queryFn: ({ signal }) => request<{ items: Missed[] }>('/missed-calls', { signal, query: { queue, days } }).then((page) => page.items) });

export const callListsKey = key;

/** Share is a part of a bar. */
export interface Share {
  state: EntryState;
  n: number;
  /** Per cent of all. */
  part: number;
}

/** sharesOf are the states that have entries, in their order, as parts of 100. */
export function sharesOf(counts: Readonly<Record<string, number>>): Share[] {
  const all = entryStates.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  return entryStates.flatMap((state) => {
    const n = counts[state] ?? 0;
    return n > 0 ? [{ state, n, part: (100 * n) / all }] : [];
  });
}

/** overOf is how many entries need no call any more. */
export const overOf = (list: Pick<CallList, 'counts' | 'total'>): number => list.total - (list.counts.pending ?? 0) - (list.counts.queued ?? 0);

/** spans of pauses that are offered, in seconds. */
export const pauses = [60, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800] as const;

/** inUnit is a pause as a number and its unit: the largest that it is whole in. */
export function inUnit(seconds: number): { n: number; unit: 'second' | 'minute' | 'hour' | 'day' } {
  if (seconds % 86_400 === 0) return { n: seconds / 86_400, unit: 'day' };
  if (seconds % 3600 === 0) return { n: seconds / 3600, unit: 'hour' };
  return seconds % 60 === 0 ? { n: seconds / 60, unit: 'minute' } : { n: seconds, unit: 'second' };
}

/** changed are the settings that differ from what they were: what a PATCH sends. The year 1 takes an end away. */
export function changed(before: CallListSettings, after: CallListSettings): Partial<CallListSettings> {
  const out: Record<string, unknown> = {};
  for (const name of ['name', 'note', 'queue', 'mode', 'urgency', 'language', 'purpose', 'attempts', 'busy_s', 'no_answer_s', 'failed_s', 'preview_s'] as const) if ((after[name] ?? '') !== (before[name] ?? '')) out[name] = after[name] ?? '';
  if ((after.until ?? '') !== (before.until ?? '')) out.until = after.until ?? '0001-01-01T00:00:00Z';
  return out;
}
