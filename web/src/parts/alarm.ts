import { useEffect, useSyncExternalStore } from 'react';
import { Store } from '../call/store';
import { chosen } from '../phone/devices';
import { repeat } from '../phone/sound';

const remembered = 'tingxin.alerts.muted';

/** What a warning sounds like, once, and what a critical alert does until somebody has seen it. */
const chime = { tones: [660, 880], on: 0.35, off: 60, volume: 0.2 } as const;
const alarm = { tones: [880, 1047], on: 0.6, off: 5, volume: 0.3 } as const;

/** Muted is whether this browser keeps silent about alerts. */
class Muted extends Store<boolean> {
  constructor() {
    super(localStorage.getItem(remembered) === 'yes');
    window.addEventListener('storage', (event) => event.key === remembered && this.set(event.newValue === 'yes'));
  }

  readonly turn = (on: boolean): void => {
    localStorage.setItem(remembered, on ? 'yes' : 'no');
    this.set(on);
  };
}

const muted = new Muted();

/** useMuted is that, and what changes it, in all tabs of the browser. */
export function useMuted(): readonly [boolean, (on: boolean) => void] {
  return [useSyncExternalStore(muted.subscribe, muted.get), muted.turn];
}

/** sound plays a cadence in one tab of this browser, while it is called for. */
function sound(cadence: Parameters<typeof repeat>[0]): () => void {
  const ending = new AbortController();
  let stop: (() => void) | undefined;
  const play = () => {
    stop = repeat(cadence, chosen().output);
    return new Promise<void>((resolve) => ending.signal.addEventListener('abort', () => resolve()));
  };
  if ('locks' in navigator) navigator.locks.request('tingxin.alarm', { signal: ending.signal }, play).catch(() => undefined);
  else void play();
  return () => {
    ending.abort();
    stop?.();
  };
}

/** useAlarm sounds while there is a critical alert that nobody has seen. */
export function useAlarm(on: boolean): void {
  const [quiet] = useMuted();
  useEffect(() => (on && !quiet ? sound(alarm) : undefined), [on, quiet]);
}

/** chimeOnce sounds for a warning, unless this browser is muted. */
export function chimeOnce(): void {
  if (muted.get()) return;
  const stop = sound(chime);
  setTimeout(stop, 1500);
}
