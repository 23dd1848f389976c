import { createContext, use, useCallback, useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { LiveCall, User } from '../api/model';
import { useMessage } from '../parts/messages';
import { Softphone } from './softphone';
import { current, dialable, mostLines, running, type Line, type Phone } from './state';

const PhoneContext = createContext<Softphone | null>(null);

/** PhoneProvider has the telephone of whoever is logged in, over all pages; off it does not register. */
export function PhoneProvider({ user, off = false, children }: { user: User; off?: boolean; children: ReactNode }) {
  const [phone, setPhone] = useState<Softphone | null>(null);
  const { username, name } = user;
  useEffect(() => {
    const made = new Softphone(username, name);
    setPhone(made);
    if (!off) made.start();
    return () => made.stop();
  }, [username, name, off]);
  useEffect(() => {
    if (!phone) return;
    // Asked before a page with a call is closed or loaded anew.
    const ask = (event: BeforeUnloadEvent) => {
      if (phone.get().lines.some((line) => line.phase !== 'ended')) event.preventDefault();
    };
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [phone]);
  if (!phone) return null;
  return <PhoneContext value={phone}>{children}</PhoneContext>;
}

export function useSoftphone(): Softphone {
  const phone = use(PhoneContext);
  if (!phone) throw new Error('used outside of the shell');
  return phone;
}

export function usePhone(): Phone {
  const phone = useSoftphone();
  return useSyncExternalStore(phone.subscribe, phone.get);
}

/** useReady says whether another call can be made from this page. */
export function useReady(): boolean {
  const phone = usePhone();
  return phone.registration === 'registered' && running(phone).length < mostLines;
}

export interface Deeds {
  dial: (typed: string) => void;
  answer: (id: string) => void;
}

/** useDeeds are the things that can go wrong for want of a microphone or of a number, with the words for it. */
export function useDeeds(): Deeds {
  const phone = useSoftphone();
  const message = useMessage();
  const { t } = useTranslation();
  const told = useCallback(
    (deed: Promise<void>) => {
      deed.catch((error: unknown) => {
        const named = error instanceof DOMException ? error.name : '';
        void message.error(t(named === 'NotAllowedError' ? 'desk.micRefused' : named === 'NotFoundError' ? 'desk.micNone' : 'desk.callFailed'));
      });
    },
    [message, t],
  );
  return useMemo(
    () => ({
      dial: (typed) => {
        const number = dialable(typed);
        if (number) told(phone.call(number));
        else void message.warning(t('desk.noNumber'));
      },
      answer: (id) => told(phone.answer(id)),
    }),
    [phone, told, message, t],
  );
}

/** useCallKeys: Ctrl+Shift with A, H, M, X answers, holds, mutes, hangs up, by the place of the key and everywhere. */
export function useCallKeys(rings: { accept: () => void; decline: () => void } | undefined): void {
  const phone = useSoftphone();
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing || event.repeat || event.altKey || !event.shiftKey || !(event.ctrlKey || event.metaKey)) return;
      const state = phone.get();
      const line = current(state);
      const deeds: Record<string, (() => void) | undefined> = {
        KeyA: rings?.accept,
        KeyH: line && (() => void phone.hold(line.id, !line.held)),
        KeyM: line && (() => phone.mute(line.id, !line.muted)),
        KeyX: !line || line.phase === 'ended' ? rings?.decline : () => phone.hangup(line.id),
      };
      const deed = deeds[event.code];
      if (!deed) return;
      event.preventDefault();
      event.stopPropagation();
      deed();
    };
    window.addEventListener('keydown', onKey, true);
    return () => window.removeEventListener('keydown', onKey, true);
  }, [phone, rings]);
}

/** mine says whether a user is in that call: who made it, for whom it was, who was given it. */
function mine(call: LiveCall, username: string): boolean {
  return call.from === username || call.to === username || call.agent === username || !!call.parties?.some((party) => party.user === username);
}

/** ownCall is the running call behind a line of that user's: one with the other side of the line, else the newest. */
export function ownCall(calls: readonly LiveCall[], username: string, line: Line | undefined): LiveCall | undefined {
  if (!line) return undefined;
  const named = calls.find((call) => call.id === line.inside?.call);
  // A call that was merged or put through goes on under another number.
  if (named && (named.state !== 'ended' || line.phase === 'ended')) return named;
  const ours = calls.filter((call) => (line.direction === 'out') === (call.from === username) && mine(call, username));
  return ours.find((call) => (line.direction === 'out' ? call.to : call.from) === line.number) ?? ours[0];
}

