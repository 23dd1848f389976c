import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Dropdown } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { board, colleagues } from '../api/queries';
import { Icon } from '../parts/Icon';
import { useMessage } from '../parts/messages';
import { MacroMenu } from '../rules/MacroMenu';
import { labels as labelsOf, type Row } from './data';
import { moments } from './moments';

/** Bulk does one thing to all chosen conversations, one after the other, and says which it could not. */
export function Bulk({ rows, onDone }: { rows: readonly Row[]; onDone: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const people = useQuery(colleagues).data ?? [];
  const queues = useQuery({ ...board, refetchInterval: 60_000 }).data?.items ?? [];
  const known = useQuery(labelsOf).data ?? [];
  const [done, setDone] = useState(-1);
  const run = async (deed: (row: Row) => Promise<unknown>) => {
    let failed = 0;
    setDone(0);
    for (const [i, row] of rows.entries()) {
      try {
        await deed(row);
      } catch {
        failed++;
      }
      setDone(i + 1);
    }
    setDone(-1);
    await Promise.all([client.invalidateQueries({ queryKey: ['conversations'] }), client.invalidateQueries({ queryKey: ['conversation'] }), client.invalidateQueries({ queryKey: ['desk'] })]);
    if (failed > 0) void message.warning(t('desktop.bulkFailed', { count: failed }), 6);
    else void message.success(t('desktop.bulkDone', { count: rows.length }));
    onDone();
  };
  const each = (path: string, body?: unknown) => void run((row) => request(`/conversations/${row.id}${path}`, { method: 'POST', body }));
  const label = (name: string, on: boolean) => void run((row) => request(`/conversations/${row.id}/labels`, { method: 'PUT', body: { labels: on ? [...new Set([...row.labels, name])] : row.labels.filter((one) => one !== name) } }));
  if (done >= 0) {
    return (
      <div className="bulk" role="status">
        {t('desktop.bulkRuns', { done, count: rows.length })}
      </div>
    );
  }
  return (
    <div className="bulk" role="toolbar" aria-label={t('desktop.bulk')}>
      <strong>{t('desktop.chosen', { count: rows.length })}</strong>
      <Dropdown
        trigger={['click']}
        menu={{
          className: 'inbox-people',
          items: [
            ...people.map((p) => ({ key: p.id, label: p.name || p.username, onClick: () => each('/assign', { user: Number(p.id) }) })),
            { key: 'nobody', label: t('inbox.assignNobody'), onClick: () => each('/assign', { user: 0 }) },
            ...queues.map((q) => ({ key: `queue ${q.id}`, label: `→ ${q.name || q.id}`, onClick: () => each('/transfer', { queue: q.id }) })),
          ],
        }}
      >
        <button type="button" className="chip">
          <Icon name="user" size={15} />
          {t('inbox.assign')}
        </button>
      </Dropdown>
      <Dropdown
        trigger={['click']}
        disabled={known.length === 0}
        menu={{ items: [...known.map((l) => ({ key: l.name, label: `+ ${l.name}`, onClick: () => label(l.name, true) })), { type: 'divider' as const }, ...known.map((l) => ({ key: `- ${l.name}`, label: `− ${l.name}`, onClick: () => label(l.name, false) }))] }}
      >
        <button type="button" className="chip" disabled={known.length === 0}>
          {t('inbox.labels')}
        </button>
      </Dropdown>
      <Dropdown trigger={['click']} menu={{ items: moments(new Date()).map(({ key, at }) => ({ key, label: t(`desktop.moment.${key}`), onClick: () => each('/snooze', { until: at.toISOString() }) })) }}>
        <button type="button" className="chip">
          {t('inbox.snooze')}
        </button>
      </Dropdown>
      <MacroMenu objects={rows.map((row) => ({ kind: 'conversation', id: row.id }))} />
      <button type="button" className="chip" onClick={() => each('/close')}>
        {t('inbox.close')}
      </button>
      <button type="button" className="round" aria-label={t('desktop.chooseNone')} onClick={onDone}>
        <Icon name="close" size={16} />
      </button>
    </div>
  );
}
