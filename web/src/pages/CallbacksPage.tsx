import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Popconfirm } from 'antd';
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { callbacks, type Callback } from '../api/line';
import { Problem, problemKey } from '../api/problem';
import { desk } from '../api/queries';
import { useQueueName } from '../api/queues';
import { useChannel, useNow } from '../call/hooks';
import { clock, useFormat } from '../i18n/format';
import { CallTabs } from '../parts/CallTabs';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { useMessage } from '../parts/messages';
import { useReady, useSoftphone } from '../phone/hooks';

function Row({ place, queue, may }: { place: Callback; queue: string; may: boolean }) {
  const { t } = useTranslation();
  const { time } = useFormat();
  const message = useMessage();
  const client = useQueryClient();
  const now = useNow();
  const phone = useSoftphone();
  const ask = useMutation({
    mutationFn: (take: boolean) => request(`/callbacks/${encodeURIComponent(place.id)}${take ? '/take' : ''}`, { method: take ? 'POST' : 'DELETE' }),
    onMutate: (take) => take && phone.expect(place.id),
    onError: (error, take) => {
      if (take) phone.unexpect(place.id);
      void message.error(t(error instanceof Problem && error.status === 409 ? 'calldesk.back.notNow' : problemKey(error)));
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['queues'] }),
  });
  const waits = place.phase === 'waiting';
  const later = place.not_before && Date.parse(place.not_before) > now ? place.not_before : undefined;
  return (
    <li>
      <span className={waits ? 'line-dot line-dot-off' : 'line-dot'} aria-hidden="true" />
      <span className="line-facts">
        <strong className="num">{place.number}</strong>
        <span className="tag">{queue}</span>
        <span>{t(`calldesk.back.phase.${place.phase}`)}</span>
        <span className="num muted" title={t('calldesk.back.since')}>
          {t('callwork.waited', { time: clock(now - Date.parse(place.since)) })}
        </span>
        {place.tries > 0 && <span className="muted">{t('calldesk.back.tries', { count: place.tries })}</span>}
        {later && <span className="muted num">{t('calldesk.back.notBefore', { time: time(later) })}</span>}
        {place.urgency !== 'normal' && <span className="tag tag-poor">{t(`queues.urgencies.${place.urgency}`, place.urgency)}</span>}
      </span>
      <span className="line-acts">
        <button type="button" className="small-button small-main" disabled={!may || !waits || ask.isPending} aria-label={`${t('calldesk.back.now')}: ${place.number}`} onClick={() => ask.mutate(true)}>
          {t('calldesk.back.now')}
        </button>
        <Popconfirm title={t('calldesk.back.cancelAsk', { who: place.number })} okText={t('calldesk.back.cancel')} cancelText={t('settings.cancel')} onConfirm={() => ask.mutate(false)}>
          <button type="button" className="small-button" disabled={ask.isPending} aria-label={`${t('calldesk.back.cancel')}: ${place.number}`}>
            {t('calldesk.back.cancel')}
          </button>
        </Popconfirm>
      </span>
    </li>
  );
}

/** CallbacksPage is who waits to be called back, in their order. */
export function CallbacksPage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(callbacks);
  const queueName = useQueueName();
  const mine = useQuery(desk).data;
  const ready = useReady();
  useChannel('queues', useCallback(() => void client.invalidateQueries({ queryKey: callbacks.queryKey }), [client]));
  const atWork = !!mine?.agent && mine.agent.state !== 'offline';
  return (
    <div className="page">
      <Title>{t('calldesk.tabs.callbacks')}</Title>
      <div className="page-head">
        <h1>{t('calldesk.tabs.callbacks')}</h1>
        {data && <span className="muted num">{t('calldesk.back.count', { count: data.length })}</span>}
      </div>
      <CallTabs />
      {data && data.length > 0 && !(atWork && ready) && <p className="muted">{t('calldesk.back.needed')}</p>}
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!data && !error && <Waiting />}
      {data?.length === 0 && <Empty icon="phone" title={t('calldesk.back.none')} hint={t('calldesk.back.hint')} />}
      {data && data.length > 0 && (
        <ul className="card line-list">
          {data.map((place) => (
            <Row key={place.id} place={place} queue={queueName(place.queue)} may={atWork && ready} />
          ))}
        </ul>
      )}
    </div>
  );
}
