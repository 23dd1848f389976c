import { useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useCallback, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import type { LiveCall } from '../api/model';
import { useFloor, useNarrow } from '../call/hooks';
import { session } from '../api/queries';
import { CallCard, CallRow } from '../parts/CallCard';
import { HeatList } from '../parts/HeatList';
import { LiveThread } from '../parts/LiveThread';
import { Empty, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { typing } from '../shell/keys';
import { may } from '../shell/roles';
import './live.css';

// More running calls than this are listed with their last words only: each live one is a subscription.
const followed = 24;

function useListKeys(calls: readonly LiveCall[], chosen: string | undefined, open: (id: string | undefined) => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (typing(event)) return;
      if (event.code === 'Escape' && chosen) open(undefined);
      if (event.code !== 'KeyJ' && event.code !== 'KeyK') return;
      const at = calls.findIndex((call) => call.id === chosen);
      const next = calls[event.code === 'KeyJ' ? Math.min(at + 1, calls.length - 1) : Math.max(at - 1, 0)];
      if (next) open(next.id);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [calls, chosen, open]);
}

/** LivePage lists the running calls as cards; one that is opened stands beside the list. */
export function LivePage() {
  const { t } = useTranslation();
  const { callId } = useParams({ strict: false });
  const navigate = useNavigate();
  const narrow = useNarrow();
  const { calls, whole } = useFloor();
  const { data } = useSuspenseQuery(session);
  const running = calls.filter((call) => call.state !== 'ended').length;
  const open = useCallback((id: string | undefined) => void (id ? navigate({ to: '/live/$callId', params: { callId: id } }) : navigate({ to: '/live' })), [navigate]);
  useListKeys(calls, callId, open);

  if (narrow && callId) return <LiveThread key={callId} id={callId} call={calls.find((c) => c.id === callId)} whole={whole} />;
  return (
    <div className={callId ? 'live live-open' : 'live'}>
      <Title>{running > 0 ? `(${running}) ${t('live.title')}` : t('live.title')}</Title>
      <section className="live-list" aria-label={t('live.list')}>
        <div className="page-head">
          <h1>{t('live.title')}</h1>
          <span className="muted num">{t('live.count', { count: running })}</span>
        </div>
        {may(data?.user.role, 'hangup') && !callId && running > 0 && <HeatList calls={calls} />}
        {!whole && calls.length === 0 && <Waiting rows={3} />}
        {whole && calls.length === 0 && <Empty icon="live" title={t('live.none')} hint={t('live.noneHint')} />}
        <ul className={callId ? 'live-rows' : 'live-cards'}>
          {calls.map((call, i) => (
            <li key={call.id}>{callId ? <CallRow call={call} chosen={call.id === callId} followed={i < followed} /> : <CallCard call={call} followed={i < followed} />}</li>
          ))}
        </ul>
      </section>
      {callId && <LiveThread key={callId} id={callId} call={calls.find((c) => c.id === callId)} whole={whole} />}
    </div>
  );
}
