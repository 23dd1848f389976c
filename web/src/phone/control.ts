import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { request, type Ask } from '../api/client';
import { Problem, problemKey } from '../api/problem';
import { colleagues } from '../api/queries';
import type { LiveCall, Party } from '../api/model';
import { firstOf } from '../i18n/format';
import { useMessage } from '../parts/messages';

/** What is asked of a running call: a path behind /calls/ID/, such as "record". */
export interface Order extends Pick<Ask, 'method' | 'body'> {
  path: string;
}

/** useControl asks the server to do something to a running call; what goes wrong is said in words. */
export function useControl(call: string | undefined) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ path, method = 'POST', body }: Order) => {
      if (!call) return Promise.reject(new Problem(404));
      return request(`/calls/${call}/${path}`, { method, body });
    },
    onError: (error) => {
      const status = error instanceof Problem ? error.status : 0;
      void message.error(t(status === 409 ? 'callwork.notNow' : status === 422 ? 'callwork.nobodyThere' : problemKey(error)));
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['queues'] }),
  });
}

/** useNames are the display names of one's colleagues by user name. */
export function useNames(): Readonly<Record<string, string>> {
  const { data } = useQuery({ ...colleagues, refetchInterval: 60_000 });
  return useMemo(() => Object.fromEntries((data ?? []).map((c) => [c.username, firstOf(c.name, c.username)])), [data]);
}

/** guests are the parties that were added to a call, and those who ring to join. */
export const guests = (call: LiveCall | undefined): Party[] => (call?.parties ?? []).filter((party) => party.role === 'guest');

/** overseers are the supervisors who are in a call, ringing ones left out. */
export const overseers = (call: LiveCall | undefined): Party[] => (call?.parties ?? []).filter((party) => party.role === 'supervisor' && !party.ringing);

/** partyName is who a party is, as far as it is known. */
export const partyName = (party: Party, names: Readonly<Record<string, string>> = {}): string => firstOf(names[party.user ?? ''], party.user, party.number, '?');
