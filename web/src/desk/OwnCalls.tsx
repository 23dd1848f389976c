import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { CallSummary } from '../api/model';
import { dispositions, ownCalls } from '../api/queries';
import { useQueueName } from '../api/queues';
import { clock, firstOf, useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { StateTag } from '../parts/facts';
import { useDeeds, usePhone, useReady } from '../phone/hooks';

const WrapUpCard = lazy(() => import('../phone/WrapUp').then((wrap) => ({ default: wrap.WrapUpCard })));

function OwnCall({ call, username, write }: { call: CallSummary; username: string; write: () => void }) {
  const { t, i18n } = useTranslation();
  const { data: outcomes } = useQuery(dispositions(call.queue ?? ''));
  const outcome = outcomes?.find((one) => one.code === call.disposition);
  const placed = call.from === username;
  const number = placed ? call.to : call.from;
  const { time } = useFormat();
  const queueName = useQueueName();
  const { dial } = useDeeds();
  const ready = useReady();
  return (
    <li className="own-call">
      <Link to="/calls/$callId" params={{ callId: call.id }}>
        <span className="num muted">{time(call.started_at)}</span>
        <span className="own-who">
          <Icon name={placed ? 'out' : 'in'} size={15} />
          <strong className="num">{placed ? number : firstOf(call.from_name, number)}</strong>
          {call.queue && <span className="muted">{queueName(call.queue)}</span>}
        </span>
        {call.disposition ? <span className="tag">{firstOf(i18n.language === 'zh-CN' ? outcome?.name_zh : outcome?.name_en, call.disposition)}</span> : <StateTag call={call} />}
        <span className="num own-length">{clock(call.duration_ms)}</span>
      </Link>
      <button type="button" className="round" onClick={write} aria-label={t('callwork.wrap.write', { who: number })} title={t('callwork.wrap.write', { who: number })}>
        <Icon name="words" />
      </button>
      <button type="button" className="round" disabled={!ready} onClick={() => dial(number)} aria-label={t('desk.again', { who: number })} title={t('desk.again', { who: number })}>
        <Icon name="phone" />
      </button>
    </li>
  );
}

/** OwnCalls are today's calls of one's own. */
export function OwnCalls({ username }: { username: string }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(ownCalls(username));
  const [writing, setWriting] = useState<CallSummary | null>(null);
  const over = usePhone().lines.filter((line) => line.phase === 'ended').length;
  // The record is written a moment after the end.
  useEffect(() => {
    if (over === 0) return;
    const timer = setTimeout(() => void refetch(), 1500);
    return () => clearTimeout(timer);
  }, [over, refetch]);
  const calls = data?.filter((call) => call.state === 'ended');
  return (
    <section className="desk-main desk-own">
      <h2>{t('desk.own')}</h2>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!calls && !error && <Waiting rows={4} />}
      {calls?.length === 0 && <Empty icon="headset" title={t('desk.quiet')} hint={t('desk.quietHint')} />}
      {calls && calls.length > 0 && (
        <ul className="card own-calls">
          {calls.map((call) => (
            <OwnCall key={call.id} call={call} username={username} write={() => setWriting(call)} />
          ))}
        </ul>
      )}
      {writing && (
        <div className="wrap-dock">
          <Suspense>
            <WrapUpCard key={writing.id} call={writing} done={() => setWriting(null)} />
          </Suspense>
        </div>
      )}
    </section>
  );
}
