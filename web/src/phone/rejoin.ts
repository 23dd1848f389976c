import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { request } from '../api/client';
import type { LiveCall } from '../api/model';
import { useFloor } from '../call/hooks';
import { usePhone, useSoftphone } from './hooks';

const remembered = 'tingxin.lines';

function readRemembered(): string[] {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(remembered) ?? '[]');
    return Array.isArray(found) ? found.filter((id): id is string => typeof id === 'string').slice(0, 4) : [];
  } catch {
    return [];
  }
}

/** A running call in which one is, without a line of this page; known when this tab had it before it was loaded anew. */
export interface Lost {
  readonly id: string;
  readonly known: boolean;
}

/** lostCalls are those; what another telephone of the same user has is not lost. */
export function lostCalls(calls: readonly LiveCall[], username: string, lines: readonly string[], before: readonly string[]): Lost[] {
  return calls.flatMap((call) => {
    if (call.state === 'ended' || lines.includes(call.id)) return [];
    const mine = call.parties?.find((party) => party.user === username && !party.ringing);
    const known = before.includes(call.id);
    return mine && (known || mine.away) ? [{ id: call.id, known }] : [];
  });
}

/**
 * useRejoin finds the calls that this page has lost, as when it was loaded anew.
 * Those that this tab had it takes back by itself, once; the others can be taken.
 */
export function useRejoin(username: string): { lost: readonly Lost[]; rejoin: (id: string) => void } {
  const phone = useSoftphone();
  const { lines, registration } = usePhone();
  const { calls, whole } = useFloor();
  const client = useQueryClient();
  const [before, setBefore] = useState(readRemembered);
  const tried = useRef(new Set<string>());
  const registered = registration === 'registered';
  const ids = useMemo(() => lines.flatMap((line) => (line.inside && line.phase !== 'ended' ? [line.inside.call] : [])), [lines]);
  const key = ids.join(' ');

  useEffect(() => {
    // What a former page wrote stays until it is answered or over.
    if (key) sessionStorage.setItem(remembered, JSON.stringify(key.split(' ')));
    else if (lines.some((line) => line.phase === 'ended')) {
      sessionStorage.removeItem(remembered);
      setBefore([]);
    }
  }, [key, lines]);

  const lost = useMemo(() => (whole && registered ? lostCalls(calls, username, ids, before) : []), [calls, whole, registered, username, ids, before]);

  const rejoin = useMemo(
    () => (id: string) => {
      phone.expect(id);
      request(`/calls/${id}/rejoin`, { method: 'POST' }).catch(() => {
        phone.unexpect(id);
        void client.invalidateQueries({ queryKey: ['queues'] });
      });
    },
    [phone, client],
  );
  useEffect(() => {
    for (const { id, known } of lost) {
      if (!known || tried.current.has(id)) continue;
      tried.current.add(id);
      rejoin(id);
    }
  }, [lost, rejoin]);
  return { lost, rejoin };
}
