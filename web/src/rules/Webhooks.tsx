import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { problemKey } from '../api/problem';
import { settings } from '../admin/kinds';
import { SettingList } from '../admin/SettingList';
import { useFormat } from '../i18n/format';
import { More } from '../parts/More';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { deliveries, replay, type DeliveryFilter } from './api';
import { webhookSheet } from './sheets';
import { SectionHead } from '../admin/SectionHead';
import './rules.css';

const tone: Record<string, string> = { sent: 'tag tag-good', dead: 'tag tag-poor', waiting: 'tag tag-fair', sending: 'tag' };

/** Why a letter did not arrive, by the server's words; what the other side answered stays as it is. */
const reasons: Record<string, string> = { 'no connection': 'connection', 'no answer in time': 'time', 'no address': 'address', 'the address is not allowed': 'refused', 'the target is off or gone': 'gone', database: 'database' };

const reasonOf = (t: (key: string) => string, reason: string): string => (reasons[reason] ? t(`look.hook.${reasons[reason]}`) : reason);

/** Deliveries lists letters, and sends them again. */
function Deliveries() {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const message = useMessage();
  const client = useQueryClient();
  const [filter, setFilter] = useState<DeliveryFilter>({});
  const targets = useQuery(settings('webhooks')).data?.items ?? [];
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: ['admin', 'deliveries', filter],
    queryFn: ({ pageParam }) => deliveries(filter, pageParam || undefined),
    initialPageParam: 0,
    getNextPageParam: (page) => page.next,
    refetchInterval: 5000,
  });
  const again = useMutation({
    mutationFn: ({ target, ids }: { target: string; ids: number[] }) => replay(target, ids),
    onSuccess: async (done) => {
      void message.success(t('rules.replayed', { count: done.letters }));
      await client.invalidateQueries({ queryKey: ['admin', 'deliveries'] });
    },
    onError: (failure) => void message.error(t(problemKey(failure))),
  });
  const items = data?.pages.flatMap((page) => page.items) ?? [];
  const dead = items.some((one) => one.state === 'dead');
  return (
    <section>
      <SectionHead title={t('rules.deliveries')} about={t('rules.deliveriesHint')}>
        <span className="rule-filters">
          <Select allowClear aria-label={t('rules.param.target')} placeholder={t('rules.param.target')} value={filter.target} options={targets.map((one) => ({ value: one.name, label: one.name }))} onChange={(target?: string) => setFilter((old) => ({ ...old, target }))} />
          <Select
            allowClear
            aria-label={t('rules.letterState')}
            placeholder={t('rules.letterState')}
            value={filter.state}
            options={['waiting', 'sent', 'dead'].map((value) => ({ value, label: t(`rules.letter.${value}`) }))}
            onChange={(state?: string) => setFilter((old) => ({ ...old, state }))}
          />
          {filter.target && dead && (
            <Button loading={again.isPending} onClick={() => filter.target && again.mutate({ target: filter.target, ids: [] })}>
              {t('rules.replayAll')}
            </Button>
          )}
        </span>
      </SectionHead>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!data && !error && <Waiting />}
      {data && items.length === 0 && (
        <div className="card">
          <Empty icon="out" title={t('rules.noLetters')} hint={t('rules.deliveriesHint')} />
        </div>
      )}
      {items.length > 0 && (
        <ul className="card admin-list">
          {items.map((one) => (
            <li key={one.id} className="admin-row">
              <span className="admin-name">
                <strong>{one.target}</strong>
                <span className={tone[one.state]}>{t(`rules.letter.${one.state}`)}</span>
              </span>
              <span className="admin-cells letter-cells">
                <span className="admin-main">
                  {t(`rules.event.${one.type}`, one.type)}{' '}
                  <span className="muted num">
                    {t(`rules.group.${one.object}`)} {one.object_id.slice(0, 8)}
                    {one.by_rule && ` · ${one.by_rule}`}
                  </span>
                </span>
                <span className="muted">
                  {[one.status ? t('rules.status', { status: one.status }) : '', one.reason && reasonOf(t, one.reason), t('rules.attempts', { count: one.attempts }), `${one.took_ms} ms`].filter(Boolean).join(' · ')}
                  {one.state === 'waiting' && one.attempts > 0 && ` · ${t('rules.nextAt', { at: dateTime(one.next_at) })}`}
                </span>
                <span className="muted num">{dateTime(one.created_at)}</span>
              </span>
              <span className="admin-acts">
                {(one.state === 'dead' || one.state === 'sent') && (
                  <Button size="small" disabled={again.isPending} onClick={() => again.mutate({ target: one.target, ids: [one.id] })} aria-label={`${t('rules.replay')}: ${one.id}`}>
                    {t('rules.replay')}
                  </Button>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
      <More of={{ hasNextPage, isFetchingNextPage, fetchNextPage }} />
    </section>
  );
}

/** Webhooks are programs that are told of events, and the letters to them. */
export const Webhooks = () => (
  <>
    <SettingList sheet={webhookSheet} />
    <Deliveries />
  </>
);
