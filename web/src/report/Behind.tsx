import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Drawer } from 'antd';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useQueueName } from '../api/queues';
import { firstOf, useFormat } from '../i18n/format';
import { More } from '../parts/More';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { behind, type Item, type Place, type ReportSearch, type Table } from './api';
import { useWords } from './words';

function Line({ item }: { item: Item }) {
  const { t } = useTranslation();
  const { moment } = useFormat();
  const words = useWords();
  const queueName = useQueueName();
  const about = [item.title, item.queue && queueName(item.queue), item.agent_name].filter(Boolean).join(' · ');
  const inside = (
    <>
      <strong>{firstOf(item.contact_name, item.number, item.kind === 'ticket' ? `#${item.id}` : t(`reports.kinds.${item.kind}`))}</strong>
      <span className="tag">{words.key('channel', { key: item.channel })}</span>
      <time className="num muted" dateTime={item.at}>
        {moment(item.at)}
      </time>
      {about && <small className="muted behind-title">{about}</small>}
    </>
  );
  if (item.kind === 'ticket') return <Link to="/tickets/$ticketId" params={{ ticketId: item.id }} className="behind-line">{inside}</Link>;
  if (item.kind === 'call') return <Link to="/calls/$callId" params={{ callId: item.id }} className="behind-line">{inside}</Link>;
  return <Link to="/inbox/$conversation" params={{ conversation: item.id }} className="behind-line">{inside}</Link>;
}

/** Behind is what is behind one number of a table: the same filter, so as many as the number says. */
export function Behind({ search, shown, place, title, close }: { search: ReportSearch; shown: Table; place: Place; title: string; close: () => void }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const list = useInfiniteQuery(behind(search, shown, place));
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const total = list.data?.pages[0]?.total;
  return (
    <Drawer open title={title} size={460} onClose={close} className="behind" closable={{ 'aria-label': t('reports.close') }}>
      {total !== undefined && <p className="muted behind-total">{t('reports.inAll', { count: total, value: number(total) })}</p>}
      {list.error && <Failed error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Waiting rows={6} />}
      {list.data && items.length === 0 && <Empty icon="chart" title={t('reports.nothing')} />}
      <ul className="behind-items">
        {items.map((item, i) => (
          <li key={`${item.kind}${item.id}-${i}`}>
            <Line item={item} />
          </li>
        ))}
      </ul>
      <More of={list} />
    </Drawer>
  );
}
