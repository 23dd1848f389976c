import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Dropdown } from 'antd';
import { useTranslation } from 'react-i18next';
import { queueAlerts, type QueueAlert } from '../admin/kinds';
import { useMetric } from '../admin/metric';
import { request } from '../api/client';
import { problemKey } from '../api/problem';
import { useQueueName } from '../api/queues';
import { useNow } from '../call/hooks';
import { clock } from '../i18n/format';
import { Icon } from './Icon';
import { useMuted } from './alarm';
import { useMessage } from './messages';
import './queuealerts.css';

export const pauses = [15, 60, 240] as const; // minutes

export const silenced = (alert: QueueAlert, now: number) => !!alert.snoozed_until && Date.parse(alert.snoozed_until) > now;

/** useSentence says what a rule found. */
export function useSentence(): (alert: QueueAlert, queue: string) => string {
  const { t } = useTranslation();
  const write = useMetric();
  return (alert, queue) => `${alert.label ? `${alert.label} · ` : ''}${queue}: ${t(`admin.metric.${alert.metric}`)} ${write(alert.metric, alert.value)} (${alert.operator} ${write(alert.metric, alert.bound)})`;
}

/** useAnswer says that an alert was seen, or silences it for some minutes. */
export function useAnswer() {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, minutes }: { id: number; minutes?: number }) => request(`/queues/alerts/${id}/acknowledge`, { method: 'POST', body: { minutes } }),
    onError: (error) => void message.error(t(problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: queueAlerts.queryKey }),
  });
}

/** AlarmSwitch turns the sound of alerts off and on in this browser. */
export function AlarmSwitch() {
  const { t } = useTranslation();
  const [muted, turn] = useMuted();
  return (
    <button type="button" className="small-button" aria-pressed={muted} onClick={() => turn(!muted)}>
      <Icon name={muted ? 'speakerOff' : 'speaker'} size={16} />
      {t(muted ? 'calldesk.alarmOff' : 'calldesk.alarmOn')}
    </button>
  );
}

/** QueueAlerts are the rules that hold now, the silenced ones last. */
export function QueueAlerts() {
  const { t } = useTranslation();
  const { data } = useQuery(queueAlerts);
  const now = useNow();
  const say = useSentence();
  const nameOf = useQueueName();
  const answer = useAnswer();
  const holding = (data ?? []).filter((alert) => !alert.ended_at).sort((a, b) => Number(silenced(a, now)) - Number(silenced(b, now)) || Number(b.severity === 'critical') - Number(a.severity === 'critical'));
  if (holding.length === 0) return null;
  return (
    <section className="queue-alerts" aria-label={t('admin.alertsNow')}>
      <ul>
        {holding.map((alert) => {
          const quiet = silenced(alert, now);
          return (
            <li key={alert.id} className={`queue-alert queue-alert-${quiet ? 'quiet' : alert.severity}`}>
              <strong>{t(`admin.severity.${alert.severity}`)}</strong>
              <span className="queue-alert-words">{say(alert, nameOf(alert.queue))}</span>
              <span className="num">{clock(now - Date.parse(alert.raised_at))}</span>
              <span className="muted">
                {quiet && alert.snoozed_until ? t('admin.silentFor', { time: clock(Date.parse(alert.snoozed_until) - now) }) : alert.acked_by ? t('admin.seenBy', { name: alert.acked_by }) : ''}
              </span>
              <span className="queue-alert-acts">
                {!alert.acked_by && (
                  <button type="button" disabled={answer.isPending} onClick={() => answer.mutate({ id: alert.id })}>
                    {t('admin.acknowledge')}
                  </button>
                )}
                {!quiet && (
                  <Dropdown trigger={['click']} menu={{ items: pauses.map((minutes) => ({ key: minutes, label: t('admin.forMinutes', { minutes }), onClick: () => answer.mutate({ id: alert.id, minutes }) })) }}>
                    <button type="button">{t('admin.snooze')}</button>
                  </Dropdown>
                )}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** useWorst is the worst alert of each queue that holds and is not silenced. */
export function useWorst(): ReadonlyMap<string, QueueAlert['severity']> {
  const { data } = useQuery(queueAlerts);
  const worst = new Map<string, QueueAlert['severity']>();
  for (const alert of data ?? []) {
    if (alert.ended_at || silenced(alert, Date.now())) continue;
    if (worst.get(alert.queue) !== 'critical') worst.set(alert.queue, alert.severity);
  }
  return worst;
}
