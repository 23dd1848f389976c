import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { request, setCSRF } from './client';
import { Problem } from './problem';
import type { Agent, Alert, CallDetail, CallEmotion, CallSummary, Colleague, Desk, Disposition, Heat, LivePage, MoodReport, Page, Peaks, QueueBoards, QueueSettings, Reading, Retention, Session, Skill, StateAt, System, User, Utterance, Work } from './model';

/** dayAfter is the moment at which a local day (YYYY-MM-DD) is over. */
function dayAfter(day: string): string {
  const date = new Date(`${day}T00:00:00`);
  date.setDate(date.getDate() + 1);
  return date.toISOString();
}

/** What the archive can be asked for; empty fields do not filter. Days are local, both included. */
export interface CallFilter {
  q?: string;
  number?: string;
  trunk?: string;
  state?: string;
  mood?: string;
  since?: string;
  until?: string;
}

/** session is the logged-in user, or null. */
export const session = queryOptions({
  queryKey: ['session'],
  queryFn: async ({ signal }): Promise<Session | null> => {
    try {
      const found = await request<Session>('/session', { signal, anonymous: true });
      setCSRF(found.csrf);
      return found;
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: Infinity,
  retry: false,
});

/** calls is the archive, newest first, a page of 40 at a time. */
export function calls(filter: CallFilter) {
  return infiniteQueryOptions({
    queryKey: ['calls', filter],
    queryFn: ({ pageParam, signal }) =>
      request<Page<CallSummary>>('/calls', {
        signal,
        query: {
          q: filter.q,
          from: filter.number,
          trunk: filter.trunk,
          state: filter.state,
          mood: filter.mood,
          since: filter.since && new Date(`${filter.since}T00:00:00`).toISOString(),
          until: filter.until && dayAfter(filter.until),
          cursor: pageParam,
          limit: 40,
        },
      }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
  });
}

export const liveCalls = (signal?: AbortSignal) => request<LivePage>('/calls/live', { signal });

export const transcriptOf = (id: string, signal?: AbortSignal) =>
  request<Page<Utterance>>(`/calls/${id}/transcript`, { signal }).then((page) => page.items ?? []);

export const call = (id: string) =>
  queryOptions({ queryKey: ['call', id], queryFn: ({ signal }) => request<CallDetail>(`/calls/${id}`, { signal }) });

export const transcript = (id: string) =>
  queryOptions({ queryKey: ['call', id, 'transcript'], queryFn: ({ signal }) => transcriptOf(id, signal) });

export const emotion = (id: string) =>
  queryOptions({ queryKey: ['call', id, 'emotion'], queryFn: ({ signal }) => request<CallEmotion>(`/calls/${id}/emotion`, { signal }) });

export const readingsOf = (id: string, signal?: AbortSignal): Promise<Reading[]> =>
  request<CallEmotion>(`/calls/${id}/emotion`, { signal }).then((found) => found.readings ?? []);

/** alerts are those of the last 24 hours, newest first. */
export const alerts = queryOptions({
  queryKey: ['alerts'],
  queryFn: ({ signal }) => request<Page<Alert>>('/alerts', { signal, query: { limit: 100 } }).then((page) => page.items ?? []),
  refetchInterval: 30_000,
});

/** What the mood report can be cut by. */
export const cuts = ['route', 'queue', 'hour', 'day', 'language', 'cause', 'disposition'] as const;
export type Cut = (typeof cuts)[number];

/** moodReport is the moods of the callers of the last days, hours and days as this browser's clock tells them. */
export function moodReport(by: Cut, days: number) {
  return queryOptions({
    queryKey: ['moods', by, days],
    queryFn: ({ signal }) =>
      request<MoodReport>('/reports/mood', {
        signal,
        query: { by, since: new Date(Date.now() - days * 86_400_000).toISOString(), zone: Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC' },
      }),
    staleTime: 30_000,
  });
}

export const peaks = (id: string) =>
  queryOptions({
    queryKey: ['call', id, 'peaks'],
    queryFn: ({ signal }) => request<Peaks>(`/calls/${id}/recording/peaks`, { signal, query: { buckets: 1200 } }),
    staleTime: Infinity,
    retry: 1,
  });

export const system = queryOptions({
  queryKey: ['system'],
  queryFn: ({ signal }) => request<System>('/system', { signal }),
  refetchInterval: 4000,
});

export const users = queryOptions({
  queryKey: ['users'],
  queryFn: ({ signal }) => request<Page<User>>('/users', { signal }).then((page) => page.items ?? []),
});

export const retention = queryOptions({
  queryKey: ['retention'],
  queryFn: ({ signal }) => request<Retention>('/settings/retention', { signal }),
});

/** colleagues are whom one can call inside. */
export const colleagues = queryOptions({
  queryKey: ['colleagues'],
  queryFn: ({ signal }) => request<Page<Colleague>>('/colleagues', { signal }).then((page) => page.items ?? []),
  refetchInterval: 10_000,
});

/** ownCalls are today's calls in which the user took part, newest first, at most 100. */
export const ownCalls = (username: string) =>
  queryOptions({
    queryKey: ['calls', 'own', username],
    queryFn: ({ signal }) => {
      const midnight = new Date();
      midnight.setHours(0, 0, 0, 0);
      return request<Page<CallSummary>>('/calls', { signal, query: { agent: 'me', since: midnight.toISOString(), limit: 100 } }).then((page) => page.items ?? []);
    },
  });

/** heat is which running calls need a supervisor, the hottest first. */
export const heat = queryOptions({
  queryKey: ['heat'],
  queryFn: ({ signal }) => request<Page<Heat>>('/calls/heat', { signal }).then((page) => page.items ?? []),
  refetchInterval: 3000,
});

/** agentHistory is the states of an agent, newest first. */
export const agentHistory = (id: string) =>
  queryOptions({ queryKey: ['agents', id, 'history'], queryFn: ({ signal }) => request<Page<StateAt>>(`/agents/${id}/history`, { signal, query: { limit: 60 } }).then((page) => page.items ?? []) });

/** dispositions are the outcomes that may be chosen after a call of a queue. */
export const dispositions = (queue: string) =>
  queryOptions({ queryKey: ['dispositions', queue], queryFn: ({ signal }) => request<Page<Disposition>>('/dispositions', { signal, query: { queue } }).then((page) => page.items ?? []), staleTime: 60_000 });

// The feed says when something changed; the intervals are for what only time changes.
export const board = queryOptions({
  queryKey: ['queues', 'board'],
  queryFn: ({ signal }) => request<QueueBoards>('/queues/board', { signal }),
  refetchInterval: 5000,
});

export const agents = queryOptions({
  queryKey: ['queues', 'agents'],
  queryFn: ({ signal }) => request<Page<Agent>>('/agents', { signal }).then((page) => page.items ?? []),
  refetchInterval: 15_000,
});

export const work = queryOptions({
  queryKey: ['queues', 'work'],
  queryFn: ({ signal }) => request<Page<Work>>('/queues/work', { signal }).then((page) => page.items ?? []),
  refetchInterval: 15_000,
});

/** desk is without an agent for a user who is none, null when the server has no queues. Asking for it is an agent's heartbeat. */
export const desk = queryOptions({
  queryKey: ['queues', 'desk'],
  queryFn: async ({ signal }): Promise<Desk | null> => {
    try {
      return await request<Desk>('/agents/me', { signal });
    } catch (error) {
      if (error instanceof Problem && error.status === 503) return null;
      throw error;
    }
  },
  refetchInterval: (query) => (query.state.data?.agent ? 8000 : 60_000),
  refetchIntervalInBackground: true,
});

export const queueSettings = queryOptions({
  queryKey: ['queues', 'settings'],
  queryFn: ({ signal }) => request<Page<QueueSettings>>('/queues', { signal }).then((page) => page.items ?? []),
});

export const skills = queryOptions({
  queryKey: ['queues', 'skills'],
  queryFn: ({ signal }) => request<Page<Skill>>('/skills', { signal }).then((page) => page.items ?? []),
});

export const calendars = queryOptions({
  queryKey: ['queues', 'calendars'],
  queryFn: ({ signal }) => request<Page<{ name: string }>>('/calendars', { signal }).then((page) => page.items ?? []),
});
