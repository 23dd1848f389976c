import { createContext, use, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import type { Feed, Link } from '../api/feed';
import type { Event, LiveCall } from '../api/model';
import { inOrder, type Roster } from './roster';
import type { Floor, LoadPoint, Threads } from './store';
import type { Talk } from './talk';

export interface Realtime {
  feed: Feed;
  floor: Floor;
  threads: Threads;
}

export const RealtimeContext = createContext<Realtime | null>(null);

function useRealtime(): Realtime {
  const realtime = use(RealtimeContext);
  if (!realtime) throw new Error('used outside of the shell');
  return realtime;
}

export function useLink(): Link {
  const { feed } = useRealtime();
  return useSyncExternalStore(feed.subscribe, feed.state);
}

export function useFloor(): { calls: LiveCall[]; whole: boolean } {
  const { floor } = useRealtime();
  const state: Roster = useSyncExternalStore(floor.subscribe, floor.get);
  return useMemo(() => ({ calls: inOrder(state), whole: state.whole }), [state]);
}

export function useLoad(): readonly LoadPoint[] {
  const { floor } = useRealtime();
  return useSyncExternalStore(floor.subscribe, floor.load);
}

/** useTalk follows the words of a running call while the component is there. */
export function useTalk(id: string): Talk {
  const { threads } = useRealtime();
  const thread = useMemo(() => threads.of(id), [threads, id]);
  return useSyncExternalStore(thread.subscribe, thread.get);
}

/**
 * useChannel calls `onNews` after something happened on a channel of the feed, at
 * most every 300 ms, and when it was joined. With `types` only events whose type
 * begins with one of them count.
 */
export function useChannel(name: string, onNews: () => void, types?: readonly string[]): void {
  const { feed } = useRealtime();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        onNews();
      }, 300);
    };
    const onEvent = (event: Event) => {
      if (!types || types.some((type) => event.type.startsWith(type))) soon();
    };
    const leave = feed.watch(name, { onEvent, onSync: soon });
    return () => {
      clearTimeout(timer);
      leave();
    };
  }, [feed, name, onNews, types]);
}

/** useNow ticks once a second while `ticking`. */
export function useNow(ticking = true): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!ticking) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}

/** useNarrow says whether the screen is too narrow for two columns. */
export function useNarrow(query = '(max-width: 860px)'): boolean {
  const media = useMemo(() => window.matchMedia(query), [query]);
  return useSyncExternalStore(
    (listener) => {
      media.addEventListener('change', listener);
      return () => media.removeEventListener('change', listener);
    },
    () => media.matches,
  );
}
