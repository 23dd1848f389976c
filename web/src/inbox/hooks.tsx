import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { createContext, use, useEffect, useState, useSyncExternalStore, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { problemKey } from '../api/problem';
import { session } from '../api/queries';
import { useLink } from '../call/hooks';
import { useMessage } from '../parts/messages';
import { Outbox, post, type Letter } from './outbox';

const OutboxContext = createContext<Outbox | null>(null);

/** OutboxProvider has what the user has sent and the server has not got yet, over all pages. */
export function OutboxProvider({ children }: { children: ReactNode }) {
  const { data } = useSuspenseQuery(session);
  const client = useQueryClient();
  const link = useLink();
  const [box, setBox] = useState<Outbox | null>(null);
  const user = data?.user.id;
  useEffect(() => {
    if (!user) return;
    const made = new Outbox(
      `tingxin.outbox.${user}`,
      localStorage,
      post,
      (id) => void Promise.all([client.invalidateQueries({ queryKey: ['conversation', id] }), client.invalidateQueries({ queryKey: ['conversations'] }), client.invalidateQueries({ queryKey: ['desk'] })]),
    );
    setBox(made);
    window.addEventListener('online', made.online);
    window.addEventListener('storage', made.storage);
    return () => {
      window.removeEventListener('storage', made.storage);
      window.removeEventListener('online', made.online);
      made.stop();
    };
  }, [user, client]);
  useEffect(() => {
    if (link === 'online') box?.online();
  }, [link, box]);
  return <OutboxContext value={box}>{children}</OutboxContext>;
}

const none: readonly Letter[] = [];
const nothing = () => () => undefined;

/** useOutbox is the box, null for a moment at the start, and what lies in it. */
export function useOutbox(): { box: Outbox | null; letters: readonly Letter[] } {
  const box = use(OutboxContext);
  const letters = useSyncExternalStore(box?.subscribe ?? nothing, box?.get ?? (() => none));
  return { box, letters };
}

export interface Deed {
  path: string;
  body?: unknown;
  method?: 'POST' | 'PUT' | 'DELETE';
}

/** useDeed does something to a conversation and says when it went wrong. */
export function useDeed(id: number) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ path, body, method = 'POST' }: Deed) => request<unknown>(`/conversations/${id}${path}`, { method, body }),
    onSuccess: () => Promise.all([client.invalidateQueries({ queryKey: ['conversation', id] }), client.invalidateQueries({ queryKey: ['conversations'] }), client.invalidateQueries({ queryKey: ['desk'] })]),
    onError: (error) => void message.error(t(problemKey(error))),
  });
}
