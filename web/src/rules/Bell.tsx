import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useChannel } from '../call/hooks';
import { useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { Popover } from '../parts/hung';
import { notifications, sawNotifications, type Notification_ } from './api';
import './rules.css';

function Line({ one, onFollow }: { one: Notification_; onFollow: () => void }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const body = (
    <>
      {one.kind && <small>{t(`journey.bell.${one.kind}`, { id: one.object_id })}</small>}
      <span>{one.text}</span>
      <small className="muted num">{dateTime(one.at)}</small>
    </>
  );
  const mark = one.seen_at ? undefined : 'bell-new';
  if (one.object === 'ticket') {
    return (
      <Link className={mark} to="/tickets/$ticketId" params={{ ticketId: one.object_id }} onClick={onFollow}>
        {body}
      </Link>
    );
  }
  if (one.object === 'conversation') {
    return (
      <Link className={mark} to="/inbox/$conversation" params={{ conversation: one.object_id }} onClick={onFollow}>
        {body}
      </Link>
    );
  }
  if (one.object === 'call') {
    return (
      <Link className={mark} to="/calls/$callId" params={{ callId: one.object_id }} onClick={onFollow}>
        {body}
      </Link>
    );
  }
  return <span className={mark}>{body}</span>;
}

const told = ['rule.notification'];

/** Bell shows what rules told the user; it is not there before there was something. */
export function Bell() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data } = useQuery(notifications);
  const [open, setOpen] = useState(false);
  useChannel(
    'queues',
    useCallback(() => void client.invalidateQueries({ queryKey: ['notifications'] }), [client]),
    told,
  );
  const seen = useMutation({ mutationFn: sawNotifications, onSettled: () => client.invalidateQueries({ queryKey: ['notifications'] }) });
  if (!data || data.items.length === 0) return null;
  const change = (next: boolean) => {
    setOpen(next);
    const first = data.items[0];
    if (!next && data.new > 0 && first) seen.mutate(first.id);
  };
  return (
    <Popover
      open={open}
      onOpenChange={change}
      trigger="click"
      placement="bottomRight"
      title={t('rules.notifications')}
      content={
        <ul className="bell-list">
          {data.items.map((one) => (
            <li key={one.id}>
              <Line one={one} onFollow={() => change(false)} />
            </li>
          ))}
        </ul>
      }
    >
      <button type="button" className="round bell" aria-label={data.new > 0 ? `${t('rules.notifications')}: ${t('rules.newOnes', { count: data.new })}` : t('rules.notifications')} aria-expanded={open}>
        <Icon name="words" />
        {data.new > 0 && <span className="bell-count num">{data.new > 9 ? '9+' : data.new}</span>}
      </button>
    </Popover>
  );
}
