// What the inbox asks the server for, and how a thread is kept: by the ids of its
// messages, so that whatever comes twice stands once.
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { base, csrfToken, request } from '../api/client';
import type { components } from '../api/openapi';
import { problemOf } from '../api/problem';

type Schemas = components['schemas'];
export type Row = Schemas['ChatRow'];
export type Message = Schemas['ChatMessage'];
export type Conversation = Schemas['ConversationView'];
export type Counts = Schemas['ConversationCounts'];
export type Label = Schemas['ChatLabelInfo'];
export type Attachment = Schemas['ChatAttachment'];
export type Hit = Schemas['ChatHit'];

export const boxes = ['mine', 'unassigned', 'mentions', 'open', 'snoozed', 'closed'] as const;
export type Box = (typeof boxes)[number];

interface List {
  items: Row[];
  next?: string;
}

export const counts = queryOptions({ queryKey: ['conversations', 'counts'], queryFn: ({ signal }) => request<Counts>('/conversations/counts', { signal }) });

export const conversation = (id: number) => queryOptions({ queryKey: ['conversation', id], queryFn: ({ signal }) => request<Conversation>(`/conversations/${id}`, { signal }) });

export const labels = queryOptions({ queryKey: ['conversation-labels'], queryFn: ({ signal }) => request<{ items: Label[] }>('/conversation-labels', { signal }).then((page) => page.items) });

export const search = (q: string) =>
  queryOptions({
    queryKey: ['search', q],
    queryFn: ({ signal }) => request<{ messages: Hit[]; calls: { id: string; from: string; started_at: string }[] }>('/search', { signal, query: { q } }),
    enabled: q.trim() !== '',
  });

export const pageSize = 60;

/** merge puts messages into a thread, each once, in order. */
export function merge(old: readonly Message[], fresh: readonly Message[]): Message[] {
  const byID = new Map(old.map((m) => [m.id, m]));
  for (const m of fresh) byID.set(m.id, m);
  return [...byID.values()].sort((a, b) => a.id - b.id);
}

const page = (id: number, query: { before?: number; after?: number }, signal?: AbortSignal) =>
  request<{ items: Message[] }>(`/conversations/${id}/messages`, { signal, query: { ...query, limit: pageSize } }).then((found) => found.items);

/** newest brings a thread up to date: the last messages anew, and what lies between them and those that are there. */
export async function newest(id: number, old: readonly Message[], signal?: AbortSignal): Promise<Message[]> {
  const last = await page(id, {}, signal);
  let all = merge(old, last);
  let known = old.at(-1)?.id ?? 0;
  const first = last[0]?.id ?? 0;
  // A long absence: the pages between.
  while (old.length > 0 && known < first) {
    const between = await page(id, { after: known }, signal);
    const end = between.at(-1)?.id;
    if (end === undefined) break;
    all = merge(all, between);
    known = end;
  }
  // What was moved away by a merge or a split is not there any more.
  const there = new Set(last.map((m) => m.id));
  return all.filter((m) => m.id < first || there.has(m.id) || m.id > (last.at(-1)?.id ?? 0));
}

/** earlier is the page before the first message that is there. */
export const earlier = (id: number, first: number, signal?: AbortSignal) => page(id, { before: first }, signal);

export interface Reply {
  text: string;
  note: boolean;
  files: string[];
  seen: number;
  client_id: string;
  mentions?: number[];
}

export const send = (id: number, reply: Reply) => request<Message>(`/conversations/${id}/messages`, { method: 'POST', body: reply });

/** upload keeps a file for a message to come. */
export async function upload(id: number, file: File): Promise<Attachment> {
  const response = await fetch(`${base}/conversations/${id}/files?name=${encodeURIComponent(file.name)}`, {
    method: 'POST',
    body: file,
    credentials: 'same-origin',
    headers: { 'X-CSRF-Token': csrfToken(), 'Content-Type': 'application/octet-stream' },
  });
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as Attachment;
}

export const fileAddress = (thread: number, file: Attachment, thumb = false) => `${base}/conversations/${thread}/files/${file.id}${thumb ? '?thumb=1' : ''}`;

/** A filter of conversations, as saved views keep it: one of all, any, not and field. */
export interface Filter {
  all?: Filter[];
  any?: Filter[];
  not?: Filter;
  field?: string;
  op?: string;
  value?: unknown;
}

export type View = Omit<Schemas['SavedView'], 'filter'> & { filter: Filter };

/** listed is the first page of a filter. */
export const listed = (filter: Filter) =>
  queryOptions({ queryKey: ['conversations', 'filter', filter], queryFn: ({ signal }) => request<List>('/conversations/list', { method: 'POST', signal, body: { filter, limit: 60 } }).then((page) => page.items) });

/** filtered is a filter by pages. */
export const filtered = (filter: Filter) =>
  infiniteQueryOptions({
    queryKey: ['conversations', 'pages', filter],
    queryFn: ({ pageParam, signal }) => request<List>('/conversations/list', { method: 'POST', signal, body: { filter, cursor: pageParam || undefined, limit: 40 } }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
  });

export const views = queryOptions({ queryKey: ['conversation-views'], queryFn: ({ signal }) => request<{ items: View[] }>('/conversation-views', { signal }).then((page) => page.items) });
