import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Button, Form, Input } from 'antd';
import { useCallback, useEffect, useLayoutEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { request, setCSRF } from '../api/client';
import type { Session } from '../api/model';
import { Problem, problemKey } from '../api/problem';
import { session } from '../api/queries';
import { Icon, Mark } from '../parts/Icon';
import { works } from '../shell/roles';
import { Enrol } from './Factor';
import { hideBeside, Touched } from './idle';
import { Once } from './Once';
import './guard.css';

function Leave() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const leave = useMutation({
    mutationFn: () => request('/session', { method: 'DELETE', anonymous: true }),
    onSettled: async () => {
      setCSRF('');
      client.clear();
      client.setQueryData(session.queryKey, null);
      await navigate({ to: '/login' });
    },
  });
  return (
    <Button type="text" loading={leave.isPending} onClick={() => leave.mutate()}>
      {t('header.logout')}
    </Button>
  );
}

/** MustEnrol stands before the pages of whoever needs a second factor and has none. */
export function MustEnrol({ outside }: { outside: boolean }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [codes, setCodes] = useState<string[] | null>(null);
  return (
    <main className="guard-gate">
      <div className="card guard-gate-card">
        <Mark size={36} />
        <h1>{t('guard.mustEnrol')}</h1>
        <p className="muted">{t('guard.mustEnrolHint')}</p>
        <Enrol outside={outside} onDone={setCodes} />
        <Leave />
      </div>
      {codes && <Once title={t('guard.codes')} words={t('guard.codesOnce')} text={codes.join('\n')} onClose={() => void client.invalidateQueries({ queryKey: session.queryKey })} />}
    </main>
  );
}

function Unlock({ name, onOpen }: { name: string; onOpen: () => void }) {
  const { t } = useTranslation();
  const unlock = useMutation({ mutationFn: (password: string) => request('/session/unlock', { method: 'POST', body: { password } }), onSuccess: onOpen });
  const words = unlock.error instanceof Problem && unlock.error.status === 422 ? 'guard.wrongPassword' : unlock.error instanceof Problem && unlock.error.status === 429 ? 'login.locked' : problemKey(unlock.error);
  return (
    <div className="guard-lock" role="dialog" aria-modal="true" aria-labelledby="guard-locked">
      <div className="card guard-gate-card">
        <Icon name="lock" size={34} />
        <h1 id="guard-locked">{t('guard.lockedTitle')}</h1>
        <p className="muted">{t('guard.lockedHint', { name })}</p>
        <Form layout="vertical" requiredMark={false} onFinish={({ password }: { password: string }) => unlock.mutate(password)}>
          <Form.Item name="password" label={t('login.password')} validateStatus={unlock.error ? 'error' : undefined} help={unlock.error ? t(words) : undefined} rules={[{ required: true, message: t('settings.required') }]}>
            <Input.Password autoComplete="current-password" autoFocus />
          </Form.Item>
          <Button type="primary" block htmlType="submit" loading={unlock.isPending}>
            {t('guard.open')}
          </Button>
        </Form>
        <Leave />
      </div>
    </div>
  );
}

/** beat is how often the server is told that a locked page is still at work, ms; as often as an open one asks for its desk. */
const beat = 10_000;

const signs = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const;

/**
 * Gate locks the page after some minutes without a hand on it. The page stays at work
 * beneath: calls go on, and nothing of it can be read or reached.
 */
export function Gate({ of, children }: { of: Session; children: ReactNode }) {
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
        <Unlock
          name={of.user.name || of.user.username}
          onOpen={() => {
            setLocked(false);
            void client.invalidateQueries();
          }}
        />
      )}
    </>
  );
}
