import { useQueryClient } from '@tanstack/react-query';
import { Suspense, useCallback, useEffect, useLayoutEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { Session } from '../api/model';
import { later } from '../parts/later';
import { works } from '../shell/roles';
import { hideBeside, Touched } from './idle';
import './guard.css';

const Unlock = later(() => import('./Unlock'));

/** beat is how often the server is told that a locked page is still at work, ms; as often as an open one asks for its desk. */
const beat = 10_000;

const signs = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const;

/**
 * Gate locks the page after some minutes without a hand on it. The page stays at work
 * beneath: calls go on, and nothing of it can be read or reached.
 */
export function Gate({ of, children }: { of: Session; children: ReactNode }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [locked, setLocked] = useState(of.locked);
  const [told, setTold] = useState(of.locked);
  if (told !== of.locked) {
    // The server says otherwise: another tab locked or opened the session.
    setTold(of.locked);
    setLocked(of.locked);
  }
  const minutes = of.idle_minutes;
  const lock = useCallback(() => {
    setLocked(true);
    request('/session/lock', { method: 'POST', anonymous: true }).catch(() => undefined); // it is locked here, whatever the server says
  }, []);
  useEffect(() => {
    if (!minutes || locked) return;
    const hands = new Touched(localStorage);
    const { touch } = hands;
    for (const sign of signs) window.addEventListener(sign, touch, { passive: true, capture: true });
    const timer = setInterval(() => {
      if (Date.now() - hands.last() >= minutes * 60_000) lock();
    }, 5000);
    return () => {
      clearInterval(timer);
      for (const sign of signs) window.removeEventListener(sign, touch, { capture: true });
    };
  }, [minutes, locked, lock]);
  useLayoutEffect(() => (locked ? hideBeside(document.body, document.querySelector('.guard-lock')) : undefined), [locked]);
  const working = works(of.user.role);
  useEffect(() => {
    if (!locked || !working) return;
    // A locked page may not ask for its desk, which says that it is there.
    const say = () => void request('/agents/me/heartbeat', { method: 'POST', anonymous: true }).catch(() => undefined);
    say();
    const timer = setInterval(say, beat);
    return () => clearInterval(timer);
  }, [locked, working]);
  return (
    <>
      <div inert={locked} className={locked ? 'guard-hidden' : undefined}>
        {children}
      </div>
      {locked && (
        <div className="guard-lock" role="dialog" aria-modal="true" aria-label={t('guard.lockedTitle')}>
          <Suspense>
            <Unlock
              name={of.user.name || of.user.username}
              onOpen={() => {
                setLocked(false);
                void client.invalidateQueries();
              }}
            />
          </Suspense>
        </div>
      )}
    </>
  );
}
