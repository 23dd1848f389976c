import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useMemo, useState } from 'react';
import { request } from '../api/client';
import type { LiveCall } from '../api/model';
import { useFloor, useNow } from '../call/hooks';
import { usePhone, useSoftphone } from './hooks';

const remembered = 'tingxin.lines';
/** A call that did not come back is taken back again after this time, ms, and as often. */
const tryAgain = 5000;
const mostTries = 3;

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
 * Those that this tab had it takes back by itself; the others can be taken, and
 * those too that did not come at once.
 */
export function useRejoin(username: string): { lost: readonly Lost[]; rejoin: (id: string) => void } {
  const phone = useSoftphone();
  const { lines, registration } = usePhone();
  const { calls, whole } = useFloor();
  const client = useQueryClient();
  const [before, setBefore] = useState(readRemembered);
  // How often each was taken back, and when last.
  const [tried, setTried] = useState<Readonly<Record<string, { times: number; at: number }>>>({});
  const now = useNow(before.length > 0 && registration === 'registered');
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
  const next = lost.find(({ id, known }) => {
    const last = tried[id];
    return known && (!last || (last.times < mostTries && now - last.at > tryAgain));
  })?.id;
  const take = useEffectEvent((id: string) => {
    setTried((all) => ({ ...all, [id]: { times: (all[id]?.times ?? 0) + 1, at: Date.now() } }));
    rejoin(id);
  });
  useEffect(() => {
    if (next) take(next);
  }, [next]);
  // What did not come back by itself is offered, with a button.
  return { lost: lost.filter(({ id, known }) => !known || (tried[id]?.times ?? 0) > 1), rejoin };
}
