import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Colleague } from './model';
import { colleagues, session } from './queries';

export type Person = Pick<Colleague, 'id' | 'username' | 'name'>;

/** usePeople are all who work here: oneself, who is none of the colleagues that one can call, and those. */
export function usePeople(): readonly Person[] {
  const others = useQuery(colleagues).data;
  const me = useSuspenseQuery(session).data?.user;
  return useMemo(() => [...(me ? [me] : []), ...(others ?? []).filter((one) => one.id !== me?.id)], [me, others]);
}

/** nameOf is how somebody is called who is known by a username; what no person is stays as it is. */
export const nameOf = (people: readonly Person[], username: string): string => (people.find((one) => one.username === username)?.name ?? '') || username;
