import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { board, session } from '../api/queries';
import { useChannel } from '../call/hooks';
import { firstOf, useFormat } from '../i18n/format';
import { CallTabs } from '../parts/CallTabs';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { leads } from '../shell/roles';
import { callLists, overOf, type CallList } from './api';
import { useFresh } from './fresh';
import { ListForm } from './ListForm';
import { ListState, Progress } from './pieces';
import './callout.css';

function Row({ list, queue }: { list: CallList; queue: string }) {
  const { t } = useTranslation();
  const { day, number } = useFormat();
  return (
    <li>
      <Link to="/calls/lists/$listId" params={{ listId: String(list.id) }} className="call-list-row">
        <span className="call-list-name">
          <strong>{list.name}</strong>
          <small className="muted">
            {queue} · {t(`callout.modes.${list.mode}`)} · {t('callout.made', { who: list.created_by, day: day(list.created_at) })}
          </small>
        </span>
        <ListState list={list} />
        <span className="call-list-far">
          <Progress list={list} />
          <span className="num muted">{t('callout.far', { over: number(overOf(list)), total: number(list.total) })}</span>
        </span>
      </Link>
    </li>
  );
}

/** ListsPage is all lists of calls to make: how far each is, and how to make another. */
export function ListsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const role = useSuspenseQuery(session).data?.user.role;
  const { data, error, isPending, refetch } = useQuery(callLists);
  const queues = useQuery(board).data?.items ?? [];
  const [adding, setAdding] = useState(false);
  useChannel('queues', useFresh());
  const add = leads(role) && (
    <Button type="primary" className="page-end" onClick={() => setAdding(true)}>
      {t('callout.add')}
    </Button>
  );
  return (
    <div className="page">
      <Title>{t('callout.title')}</Title>
      <div className="page-head">
        <h1>{t('callout.title')}</h1>
        {data && data.length > 0 && add}
      </div>
      <CallTabs />
      {error && <Failed error={error} retry={() => void refetch()} />}
      {isPending && <Waiting />}
      {data?.length === 0 && (
        <Empty icon="out" title={t('callout.none')} hint={t('callout.noneHint')}>
          {add}
        </Empty>
      )}
      {data && data.length > 0 && (
        <ul className="card call-lists">
          {data.map((list) => (
            <Row key={list.id} list={list} queue={firstOf(queues.find((queue) => queue.id === list.queue)?.name, list.queue)} />
          ))}
        </ul>
      )}
      {adding && <ListForm onClose={() => setAdding(false)} onDone={(list) => void navigate({ to: '/calls/lists/$listId', params: { listId: String(list.id) } })} />}
    </div>
  );
}
