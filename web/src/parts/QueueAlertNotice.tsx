import { useQuery } from '@tanstack/react-query';
import { notification as api } from 'antd';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { queueAlerts } from '../admin/kinds';
import { useQueueName } from '../api/queues';
import { chimeOnce, useAlarm } from './alarm';
import { pauses, silenced, useAnswer, useSentence } from './QueueAlerts';
import './queuealerts.css';

const noteOf = (id: number) => `queue-alert-${id}`;

/** QueueAlertNotice tells supervisors, wherever they are, of an alert that was raised while they look. */
export default function QueueAlertNotice() {
  const [notification, holder] = api.useNotification();
  const { t } = useTranslation();
  const { data } = useQuery({ ...queueAlerts, retry: false });
  const say = useSentence();
  const nameOf = useQueueName();
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
  return holder;
}
