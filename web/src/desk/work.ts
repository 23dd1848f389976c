// The agent's work: what the server ranks, and the calls of the own telephone before it.
import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { request } from '../api/client';
import type { LiveCall } from '../api/model';
import type { components } from '../api/openapi';
import { useChannel } from '../call/hooks';
import { hold, quiet } from './order';

type Schemas = components['schemas'];
export type DeskItem = Schemas['DeskItem'];

export const scopes = ['mine', 'unassigned', 'all', 'mentions', 'unattended'] as const;
export type Scope = (typeof scopes)[number];
export const groups = ['now', 'waiting', 'later', 'done'] as const;

/** deskWork is a work list; view is a saved filter instead of a scope. */
const deskWork = (of: Scope, view: number) =>
  queryOptions({
    queryKey: ['desk', 'work', of, view],
    queryFn: ({ signal }) => request<Schemas['DeskItems']>('/desk/work', { signal, query: { of, view: view || undefined } }),
    // Priorities grow with time alone.
    refetchInterval: 20_000,
    placeholderData: (old) => old,
  });

export const keyOf = (item: Pick<DeskItem, 'kind' | 'id'>): string => `${item.kind === 'ticket' ? 'ticket' : 'chat'}:${item.id}`;

/** Entry is a line of the list. */
export type Entry = { key: string; group: DeskItem['group'] } & ({ item: DeskItem; call?: undefined } | { call: LiveCall; item?: undefined });

/** entries are the calls that run, then the server's list. */
export function entries(calls: readonly LiveCall[], items: readonly DeskItem[]): Entry[] {
  return [...calls.map((call): Entry => ({ key: `call:${call.id}`, group: 'now', call })), ...items.map((item): Entry => ({ key: keyOf(item), group: item.group, item }))];
}

/** useDeskWork follows a work list. */
export function useDeskWork(of: Scope, view: number) {
  const client = useQueryClient();
  const news = useCallback(() => void client.invalidateQueries({ queryKey: ['desk'] }), [client]);
  useChannel('chats', news);
  useChannel('tickets', news);
  return useQuery(deskWork(of, view));
}

/** useTyping is true while keys are pressed in a field, and a moment longer. */
export function useTyping(): boolean {
  const [typing, setTyping] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onInput = () => {
      clearTimeout(timer);
      setTyping(true);
      timer = setTimeout(() => setTyping(false), quiet);
    };
    document.addEventListener('input', onInput);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('input', onInput);
    };
  }, []);
  return typing;
}

interface Ordered {
  entries: Entry[];
  /** Keys that are no more in the list but keep their place. */
  gone: ReadonlySet<string>;
  more: number;
  /** Takes the server's order over. */
  settle: () => void;
}

/** useHeldOrder keeps the order while `still`; scope changes are another list. */
export function useHeldOrder(fresh: readonly Entry[], still: boolean, list: string): Ordered {
  const [shown, setShown] = useState<{ list: string; order: string[]; known: Map<string, Entry> }>({ list: '', order: [], known: new Map() });
  const known = useRef(new Map<string, Entry>());
  const holding = still && shown.list === list && shown.order.length > 0;
  const settle = useCallback(() => {
    known.current = new Map(fresh.map((one) => [one.key, one]));
    setShown({ list, order: fresh.map((one) => one.key), known: known.current });
  }, [fresh, list]);
  useEffect(() => {
    if (!holding) settle();
  }, [holding, settle]);
  return useMemo(() => {
    if (!holding) return { entries: [...fresh], gone: new Set<string>(), more: 0, settle };
    const held = hold(shown.order, fresh);
    const byKey = new Map(fresh.map((one) => [one.key, one]));
    const gone = new Set(held.order.filter((key) => !byKey.has(key)));
    const all = held.order.flatMap((key) => {
      const now = byKey.get(key);
      const before = shown.known.get(key);
      // A line keeps the group under which it stands.
      const one = now && before ? { ...now, group: before.group } : (now ?? before);
      return one ? [one] : [];
    });
    // What is new stands at the end of its group, not of the list.
    const rank = (one: Entry) => groups.indexOf(one.group);
    return { entries: all.map((one, i) => ({ one, i })).sort((a, b) => rank(a.one) - rank(b.one) || a.i - b.i).map(({ one }) => one), gone, more: held.more, settle };
  }, [holding, fresh, shown, settle]);
}
