import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { App, Dropdown } from 'antd';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { queueAlerts, type QueueAlert } from '../admin/kinds';
import { useMetric } from '../admin/metric';
import { request } from '../api/client';
import type { Role } from '../api/model';
import { problemKey } from '../api/problem';
import { board } from '../api/queries';
import { useNow } from '../call/hooks';
import { clock } from '../i18n/format';
import { may } from '../shell/roles';
import { Icon } from './Icon';
import { chimeOnce, useAlarm, useMuted } from './alarm';
import './queuealerts.css';

const pauses = [15, 60, 240] as const; // minutes

const silenced = (alert: QueueAlert, now: number) => !!alert.snoozed_until && Date.parse(alert.snoozed_until) > now;

/** useSentence says what a rule found. */
function useSentence(): (alert: QueueAlert, queue: string) => string {
  const { t } = useTranslation();
  const write = useMetric();
  return (alert, queue) => `${alert.label ? `${alert.label} · ` : ''}${queue}: ${t(`admin.metric.${alert.metric}`)} ${write(alert.metric, alert.value)} (${alert.operator} ${write(alert.metric, alert.bound)})`;
}

function useNames(): (id: string) => string {
  const { data } = useQuery(board);
  return (id) => data?.items.find((queue) => queue.id === id)?.name ?? id;
}

/** useAnswer says that an alert was seen, or silences it for some minutes. */
function useAnswer() {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, minutes }: { id: number; minutes?: number }) => request(`/queues/alerts/${id}/acknowledge`, { method: 'POST', body: { minutes } }),
    onError: (error) => void message.error(t(problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: queueAlerts.queryKey }),
  });
}

/** QueueAlertNotice tells supervisors, wherever they are, of an alert that was raised while they look. */
export function QueueAlertNotice({ role }: { role: Role }) {
  return may(role, 'queues') ? <Notice /> : null;
}

const noteOf = (id: number) => `queue-alert-${id}`;

function Notice() {
  const { notification } = App.useApp();
  const { t } = useTranslation();
  const { data } = useQuery({ ...queueAlerts, retry: false });
  const say = useSentence();
  const nameOf = useNames();
  const { mutate } = useAnswer();
  const told = useRef<Set<number> | null>(null);
  const holding = (data ?? []).filter((alert) => !alert.ended_at && !silenced(alert, Date.now()));
  useAlarm(holding.some((alert) => alert.severity === 'critical' && !alert.acked_by));
  useEffect(() => {
    if (!data) return;
    // What held before the page was opened stands on the queues' page.
    const known = (told.current ??= new Set(holding.map((alert) => alert.id)));
    for (const alert of holding) {
      // Somebody else has seen to it.
      if (alert.acked_by) notification.destroy(noteOf(alert.id));
      if (known.has(alert.id)) continue;
      known.add(alert.id);
      const critical = alert.severity === 'critical';
      if (!critical) chimeOnce();
      const close = (minutes?: number) => {
        mutate({ id: alert.id, minutes });
        notification.destroy(noteOf(alert.id));
      };
      const open = critical ? notification.error : notification.warning;
      open({
        key: noteOf(alert.id),
        title: t(`admin.severity.${alert.severity}`),
        description: say(alert, nameOf(alert.queue)),
        actions: (
          <span className="queue-alert-acts">
            <button type="button" onClick={() => close()}>
              {t('admin.acknowledge')}
            </button>
            <button type="button" onClick={() => close(pauses[0])}>
              {`${t('admin.snooze')}: ${t('admin.forMinutes', { minutes: pauses[0] })}`}
            </button>
          </span>
        ),
        duration: critical ? 0 : 12,
        placement: 'bottomRight',
      });
    }
    for (const id of known) if (data.some((alert) => alert.id === id && alert.ended_at)) notification.destroy(noteOf(id));
  }, [data, holding, notification, t, say, nameOf, mutate]);
  return null;
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
  const nameOf = useNames();
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
