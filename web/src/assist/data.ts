// What the help for agents asks the server for.
import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query';
import { use, useCallback, useEffect } from 'react';
import { request } from '../api/client';
import type { Event } from '../api/model';
import type { components } from '../api/openapi';
import { RealtimeContext } from '../call/hooks';

type Schemas = components['schemas'];
export type Board = Schemas['AssistBoard'];
export type Answer = Schemas['AssistAnswer'];
export type Progress = Schemas['AssistProgress'];
export type Do = Schemas['AssistDo'];
export type Script = Schemas['AssistScript'];
export type ScriptDoc = Schemas['AssistScriptDoc'];
export type Snippet = Schemas['AssistSnippet'];
export type Filled = Schemas['AssistFilled'];
export type Proposal = Schemas['AssistProposal'];

/** Subject is what cards stand beside. */
export interface Subject {
  kind: 'call' | 'conversation' | 'ticket';
  id: string;
}

const keyOf = (subject: Subject) => ['assist', subject.kind, subject.id];

export const board = (subject: Subject) => queryOptions({ queryKey: keyOf(subject), queryFn: ({ signal }) => request<Board>('/assist', { signal, query: { ...subject } }), staleTime: 10_000, placeholderData: (old) => (old?.id === subject.id ? old : undefined) });

export const wrapUp = (subject: Subject) => queryOptions({ queryKey: [...keyOf(subject), 'wrap-up'], queryFn: ({ signal }) => request<Proposal>('/assist/wrapup', { signal, query: { ...subject } }), staleTime: Infinity, retry: false });

export const scripts = queryOptions({ queryKey: ['scripts'], queryFn: ({ signal }) => request<Schemas['ScriptList']>('/scripts', { signal }).then((list) => list.items) });

export const scriptVersions = (name: string) => queryOptions({ queryKey: ['scripts', name], queryFn: ({ signal }) => request<Schemas['ScriptVersions']>(`/scripts/${name}/versions`, { signal }).then((list) => list.items) });

export const snippets = (q: string, lang: string | undefined, all = false) =>
  queryOptions({
    queryKey: ['snippets', q, lang, all],
    queryFn: ({ signal }) => request<Schemas['SnippetList']>('/snippets', { signal, query: { q, lang, all: all || undefined } }).then((list) => list.items),
    placeholderData: (old) => old,
  });

const channelOf = ({ kind, id }: Subject) => (kind === 'call' ? `call:${id}` : kind === 'conversation' ? `chat:${id}` : 'tickets');

/** concerns says whether an event means other cards for a subject. */
export function concerns(event: Event, subject: Subject): boolean {
  const type: string = event.type;
  const data = event.data as { kind?: string; id?: string | number } | null;
  if (type === 'assist.cards') return data?.kind === subject.kind && data.id === subject.id;
  return subject.kind === 'ticket' && type.startsWith('ticket.') && String(data?.id) === subject.id;
}

/** useBoard is the cards beside a talk, kept up to date by the feed. */
export function useBoard(subject: Subject) {
  const { kind, id } = subject;
  const client = useQueryClient();
  const realtime = use(RealtimeContext);
  const found = useQuery(board({ kind, id }));
  const anew = useCallback(() => void client.invalidateQueries({ queryKey: keyOf({ kind, id }), exact: true }), [client, kind, id]);
  useEffect(
    () => realtime?.feed.watch(channelOf({ kind, id }), { onEvent: (event) => { if (concerns(event, { kind, id })) anew(); }, onSync: anew }),
    [realtime, kind, id, anew],
  );
  const put = useCallback((next: Board) => client.setQueryData(keyOf({ kind, id }), next), [client, kind, id]);
  return { ...found, put, anew };
}

type What = 'inserted' | 'sent' | 'dismissed' | 'done';

/** log says what became of a card; whether that is written down is in nobody's way. */
export const log = (card: number, what: What, text?: string) => request(`/assist/cards/${card}/outcome`, { method: 'POST', body: { what, text } }).catch(() => undefined);

// What was inserted last, by subject: what is sent then tells how much of it was changed.
const inserted = new Map<string, { card: number; text: string; at: number }>();
const recent = 15 * 60_000;

/** noteInserted remembers a card whose text went into a composer. */
export function noteInserted(subject: Subject, card: number, text: string): void {
  inserted.set(`${subject.kind}/${subject.id}`, { card, text, at: Date.now() });
  void log(card, 'inserted');
}

/** noteSent tells that an agent sent a text: if it began as a card, its outcome is kept. Call it after each reply. */
export function noteSent(subject: Subject, text: string): void {
  const key = `${subject.kind}/${subject.id}`;
  const from = inserted.get(key);
  if (!from) return;
  inserted.delete(key);
  if (Date.now() - from.at < recent && shared(from.text, text) >= 0.3) void log(from.card, 'sent', text);
}

/** shared is how much of a text's pairs of characters another one has, 0 to 1. */
export function shared(a: string, b: string): number {
  const pairs = (s: string) => new Set(Array.from({ length: Math.max(0, s.length - 1) }, (_, i) => s.slice(i, i + 2)));
  const x = pairs(a);
  const y = pairs(b);
  return x.size === 0 ? 0 : [...x].filter((pair) => y.has(pair)).length / x.size;
}

/** slashQuery is what is typed behind a / that stands at the beginning of a word before the caret, or null. */
export function slashQuery(text: string, caret: number): string | null {
  const found = /(?:^|\s)\/([\p{L}\p{N}_-]{0,40})$/u.exec(text.slice(0, caret));
  return found ? (found[1] ?? '') : null;
}

/** withSnippet puts a text into the place of the / and what was typed behind it. */
export function withSnippet(text: string, caret: number, snippet: string): { text: string; caret: number } {
  const query = slashQuery(text, caret);
  const from = query === null ? caret : caret - query.length - 1;
  return { text: text.slice(0, from) + snippet + text.slice(caret), caret: from + snippet.length };
}
