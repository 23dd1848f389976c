import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Button, Form, Input, Modal, Select, Switch } from 'antd';
import { useCallback, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { Ticket, TicketRow } from '../api/model';
import { problemKey } from '../api/problem';
import { priorities, ticketCounts, ticketStates, tickets, ticketTypes, type TicketFilter } from '../api/tickets';
import { useChannel, useNow } from '../call/hooks';
import { useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { More } from '../parts/More';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { DueMark, PriorityMark, TypeName } from '../parts/TicketMarks';
import { Title } from '../parts/Title';
import { useMessage } from '../parts/messages';
import { templates } from '../rules/api';
import { MacroMenu } from '../rules/MacroMenu';
import { TicketViews } from '../rules/TicketViews';
import { ExportButton } from '../teams/Exports';
import './calls.css';
import './tickets.css';

type Change = (part: TicketFilter) => void;

function Filters({ filter, change }: { filter: TicketFilter; change: Change }) {
  const { t, i18n } = useTranslation();
  const types = useQuery(ticketTypes).data ?? [];
  const select = (name: 'state' | 'type' | 'priority', options: { value: string; label: string }[]) => (
    <Select className="ticket-filter" allowClear aria-label={t(`ticket.${name}`)} placeholder={t(`ticket.${name}`)} value={filter[name]} options={options} onChange={(value?: string) => change({ [name]: value })} />
  );
  return (
    <search className="filters card">
      <Input.Search
        className="filter-words"
        allowClear
        defaultValue={filter.q}
        placeholder={t('ticket.search')}
        aria-label={t('ticket.search')}
        onSearch={(q) => change({ q: q.trim() || undefined })}
      />
      {select(
        'state',
        ticketStates.map((value) => ({ value, label: t(`ticket.states.${value}`) })),
      )}
      {select(
        'type',
        types.map((type) => ({ value: type.name, label: i18n.language === 'zh-CN' ? type.label_zh : type.label_en })),
      )}
      {select(
        'priority',
        priorities.map((value) => ({ value, label: t(`ticket.priorities.${value}`) })),
      )}
      <div className="chips" role="group" aria-label={t('ticket.whose')}>
        {(['me', 'nobody'] as const).map((who) => (
          <button key={who} type="button" className="chip" aria-pressed={filter.assignee === who} onClick={() => change({ assignee: filter.assignee === who ? undefined : who })}>
            {t(`ticket.of.${who}`)}
          </button>
        ))}
        <button type="button" className="chip" aria-pressed={!!filter.late} onClick={() => change({ late: filter.late ? undefined : true })}>
          {t('ticket.late')}
        </button>
        <button type="button" className="chip" aria-pressed={!!filter.complaint} onClick={() => change({ complaint: filter.complaint ? undefined : true })}>
          {t('ticket.complaints')}
        </button>
      </div>
    </search>
  );
}

interface Draft {
  template?: string;
  type: string;
  subject: string;
  body?: string;
  priority?: string;
  complaint?: boolean;
}

/** NewTicket asks for what a ticket is made of. */
function NewTicket({ onClose }: { onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const message = useMessage();
  const navigate = useNavigate();
  const client = useQueryClient();
  const types = useQuery(ticketTypes).data ?? [];
  const patterns = useQuery(templates).data ?? [];
  const [form] = Form.useForm<Draft>();
  const pattern = Form.useWatch('template', form);
  const fill = (name?: string) => {
    const one = patterns.find((item) => item.name === name);
    if (one) form.setFieldsValue({ type: one.type, subject: one.subject, body: one.body, priority: one.priority ?? undefined, complaint: one.complaint });
  };
  const make = useMutation({
    mutationFn: ({ template, ...draft }: Draft) =>
      template
        ? request<Ticket>(`/ticket-templates/${encodeURIComponent(template)}/tickets`, { method: 'POST', body: { subject: draft.subject, body: draft.body } })
        : request<Ticket>('/tickets', { method: 'POST', body: { ...draft, source: 'agent' } }),
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: ['tickets'] });
      await navigate({ to: '/tickets/$ticketId', params: { ticketId: String(made.id) } });
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  const required = { required: true, whitespace: true, message: t('settings.required') };
  return (
    <Modal open title={t('ticket.new')} okText={t('ticket.make')} cancelText={t('settings.cancel')} confirmLoading={make.isPending} onCancel={onClose} onOk={() => form.submit()} width={560}>
      <Form form={form} layout="vertical" requiredMark={false} autoComplete="off" initialValues={{ type: 'question' }} onFinish={(draft) => make.mutate(draft)}>
        {patterns.length > 0 && (
          <Form.Item name="template" label={t('rules.template')}>
            <Select allowClear placeholder={t('rules.noTemplate')} options={patterns.map((one) => ({ value: one.name, label: i18n.language === 'zh-CN' ? one.label_zh : one.label_en }))} onChange={fill} />
          </Form.Item>
        )}
        <Form.Item name="type" label={t('ticket.type')} rules={[required]}>
          <Select disabled={!!pattern} options={types.filter((type) => !type.disabled).map((type) => ({ value: type.name, label: i18n.language === 'zh-CN' ? type.label_zh : type.label_en }))} />
        </Form.Item>
        <Form.Item name="subject" label={t('ticket.subject')} rules={[required]}>
          <Input maxLength={300} autoFocus />
        </Form.Item>
        <Form.Item name="body" label={t('ticket.body')}>
          <Input.TextArea rows={5} maxLength={20000} />
        </Form.Item>
        <Form.Item name="priority" label={t('ticket.priority')} extra={t('ticket.priorityHint')}>
          <Select disabled={!!pattern} allowClear placeholder={t('ticket.byType')} options={priorities.map((value) => ({ value, label: t(`ticket.priorities.${value}`) }))} />
        </Form.Item>
        <Form.Item name="complaint" label={t('ticket.complaint')} valuePropName="checked">
          <Switch disabled={!!pattern} />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function Row({ row, now, chosen, onChoose }: { row: TicketRow; now: number; chosen: boolean; onChoose: (chosen: boolean) => void }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  return (
    <li className="ticket-line">
      <label>
        <input type="checkbox" checked={chosen} aria-label={t('rules.select', { id: row.id })} onChange={(event) => onChoose(event.target.checked)} />
      </label>
      <Link className="ticket-row archive-row-link" to="/tickets/$ticketId" params={{ ticketId: String(row.id) }}>
        <span className="num muted">#{row.id}</span>
        <span className="ticket-subject">
          <strong>{row.subject}</strong>
          <small className="muted">
            <TypeName name={row.type} />
            {row.contact_name && ` · ${row.contact_name}`}
          </small>
        </span>
        <span className={`tag ticket-state ticket-${row.state}`}>{t(`ticket.states.${row.state}`)}</span>
        <PriorityMark priority={row.priority} complaint={row.complaint} />
        <DueMark due={row.next_due} kind={row.next_kind} spent={row.next_spent} now={now} />
        <span className="muted num ticket-when">{dateTime(row.updated_at)}</span>
      </Link>
    </li>
  );
}

/** TicketsPage lists what is to be done for customers, the latest changed first. */
export function TicketsPage() {
  const { t } = useTranslation();
  const filter = useSearch({ from: '/shell/tickets' });
  const navigate = useNavigate();
  const client = useQueryClient();
  const now = useNow();
  const [making, setMaking] = useState(false);
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const change = useMemo<Change>(() => (part) => void navigate({ to: '/tickets', search: (old) => ({ ...old, ...part }), replace: true }), [navigate]);
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useInfiniteQuery(tickets(filter));
  const counts = useQuery(ticketCounts).data;
  useChannel(
    'tickets',
    useCallback(() => void client.invalidateQueries({ queryKey: ['tickets'] }), [client]),
  );
  const items = useMemo(() => data?.pages.flatMap((page) => page.items ?? []) ?? [], [data]);
  const marked = items.filter((row) => chosen.has(row.id)).slice(0, 200);
  const filtered = Object.values(filter).some(Boolean);
  const open = (by: 'mine' | 'nobody') => Object.entries(counts?.[by] ?? {}).reduce((sum, [state, n]) => (state === 'resolved' ? sum : sum + n), 0);
  return (
    <div className="page">
      <Title>{t('ticket.title')}</Title>
      <div className="page-head">
        <h1>{t('ticket.title')}</h1>
        {counts && <span className="muted num">{t('ticket.counts', { mine: open('mine'), nobody: open('nobody') })}</span>}
        {filtered && (
          <button type="button" className="chip" onClick={() => void navigate({ to: '/tickets', search: {}, replace: true })}>
            <Icon name="close" size={14} />
            {t('calls.clear')}
          </button>
        )}
        <span className="page-acts">
          <ExportButton noun="tickets" />
          <Button type="primary" onClick={() => setMaking(true)}>
            {t('ticket.new')}
          </Button>
        </span>
      </div>
      <TicketViews filter={filter} onChoose={(next) => void navigate({ to: '/tickets', search: next, replace: true })} />
      <Filters filter={filter} change={change} />
      {error && <Failed error={error} retry={() => void refetch()} />}
      {isPending && <Waiting rows={8} />}
      {data && items.length === 0 && <Empty icon="ticket" title={t(filtered ? 'ticket.none' : 'ticket.noneYet')} hint={t(filtered ? 'calls.noneHint' : 'ticket.noneYetHint')} />}
      {items.length > 0 && (
        <div className="card archive">
          {marked.length > 0 && (
            <div className="ticket-bulk" role="group" aria-label={t('rules.chosen', { count: marked.length })}>
              <span>{t('rules.chosen', { count: marked.length })}</span>
              <MacroMenu objects={marked.map((row) => ({ kind: 'ticket', id: row.id }))} />
              <Button type="text" onClick={() => setChosen(new Set())}>
                {t('rules.chooseNone')}
              </Button>
            </div>
          )}
          <div className="ticket-row ticket-head ticket-line-head" aria-hidden="true">
            <span>{t('ticket.number')}</span>
            <span>{t('ticket.subject')}</span>
            <span>{t('ticket.state')}</span>
            <span>{t('ticket.priority')}</span>
            <span>{t('ticket.due')}</span>
            <span>{t('ticket.changed')}</span>
          </div>
          <ul>
            {items.map((row) => (
              <Row
                key={row.id}
                row={row}
                now={now}
                chosen={chosen.has(row.id)}
                onChoose={(on) =>
                  setChosen((old) => {
                    const next = new Set(old);
                    if (on) next.add(row.id);
                    else next.delete(row.id);
                    return next;
                  })
                }
              />
            ))}
          </ul>
        </div>
      )}
      <More of={{ hasNextPage, isFetchingNextPage, fetchNextPage }} />
      {making && <NewTicket onClose={() => setMaking(false)} />}
    </div>
  );
}
