import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Input, Popover, Switch } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { problemKey } from '../api/problem';
import { session } from '../api/queries';
import type { TicketFilter } from '../api/tickets';
import { Icon } from '../parts/Icon';
import { useMessage } from '../parts/messages';
import { leads } from '../shell/roles';
import { ticketViews, type TicketView } from './api';
import './rules.css';

/** filterOf is a kept filter as the list takes it; of lists it takes the first. */
const filterOf = (view: TicketView): TicketFilter => ({
  q: view.filter.q,
  state: view.filter.states?.[0],
  type: view.filter.types?.[0],
  priority: view.filter.priorities?.[0],
  queue: view.filter.queue,
  assignee: view.filter.assignee,
  late: view.filter.late === true ? true : undefined,
  complaint: view.filter.complaint === true ? true : undefined,
});

const same = (a: TicketFilter, b: TicketFilter) => (['q', 'state', 'type', 'priority', 'queue', 'assignee', 'late', 'complaint'] as const).every((key) => (a[key] ?? '') === (b[key] ?? ''));

/** TicketViews are kept filters with their counts. */
export function TicketViews({ filter, onChoose }: { filter: TicketFilter; onChoose: (filter: TicketFilter) => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const role = useQuery(session).data?.user.role;
  const views = useQuery(ticketViews).data ?? [];
  const [open, setOpen] = useState(false);
  const [name, setName] = useState('');
  const [shared, setShared] = useState(false);
  const filtered = Object.values(filter).some(Boolean);
  const again = () => client.invalidateQueries({ queryKey: ['tickets', 'views'] });
  const fail = (error: unknown) => void message.error(t(problemKey(error)));
  const keep = useMutation({
    mutationFn: () =>
      request('/ticket-views', {
        method: 'POST',
        body: {
          name,
          shared,
          filter: {
            q: filter.q,
            states: filter.state ? [filter.state] : undefined,
            types: filter.type ? [filter.type] : undefined,
            priorities: filter.priority ? [filter.priority] : undefined,
            queue: filter.queue,
            assignee: filter.assignee,
            late: filter.late,
            complaint: filter.complaint,
          },
        },
      }),
    onSuccess: () => {
      setOpen(false);
      setName('');
    },
    onError: fail,
    onSettled: again,
  });
  const drop = useMutation({ mutationFn: (id: number) => request(`/ticket-views/${id}`, { method: 'DELETE' }), onError: fail, onSettled: again });
  if (views.length === 0 && !filtered) return null;
  const lead = leads(role);
  return (
    <div className="chips ticket-views" role="group" aria-label={t('rules.views')}>
      {views.map((view) => {
        const on = same(filter, filterOf(view));
        return (
          <span key={view.id} className="ticket-view">
            <button type="button" className="chip" aria-pressed={on} onClick={() => onChoose(on ? {} : filterOf(view))}>
              {view.name} <span className="num muted">{view.count >= 1000 ? '999+' : view.count}</span>
            </button>
            {on && !!view.gone_queues?.length && <span role="status">{t('desktop.viewQueueGone', { queues: view.gone_queues.join(', ') })}</span>}
            {on && (!view.shared || lead) && (
              <Button type="text" size="small" aria-label={t('rules.dropView', { name: view.name })} icon={<Icon name="close" size={14} />} onClick={() => drop.mutate(view.id)} />
            )}
          </span>
        );
      })}
      {filtered && !views.some((view) => same(filter, filterOf(view))) && (
        <Popover
          open={open}
          onOpenChange={setOpen}
          trigger="click"
          destroyOnHidden
          content={
            <form
              className="ticket-keep"
              onSubmit={(event) => {
                event.preventDefault();
                if (name.trim()) keep.mutate();
              }}
            >
              <Input autoFocus maxLength={80} value={name} placeholder={t('rules.viewName')} aria-label={t('rules.viewName')} onChange={(event) => setName(event.target.value)} />
              {lead && (
                <span className="rule-not">
                  <Switch size="small" checked={shared} onChange={setShared} aria-label={t('rules.viewShared')} />
                  {t('rules.viewShared')}
                </span>
              )}
              <Button type="primary" htmlType="submit" disabled={!name.trim()} loading={keep.isPending}>
                {t('rules.keep')}
              </Button>
            </form>
          }
        >
          <button type="button" className="chip">
            {t('rules.keepView')}
          </button>
        </Popover>
      )}
    </div>
  );
}
