import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { Button, DatePicker, Input, Modal, Segmented, Select, Tag } from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import { useCallback, useEffect, useMemo, useRef, useState, type ComponentRef } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { TicketClock, TicketComment, TicketDetail, TicketState, TicketStep } from '../api/model';
import { nameOf, usePeople } from '../api/people';
import { lost, Problem, problemKey } from '../api/problem';
import { session } from '../api/queries';
import { priorities, ticket, ticketTrail, ticketTypes } from '../api/tickets';
import { useChannel, useNow } from '../call/hooks';
import { useFormat } from '../i18n/format';
import { CaseMark } from '../feedback/marks';
import { TicketHelp } from '../feedback/TicketHelp';
import { draftOf, keepDraft } from '../parts/draft';
import { Icon } from '../parts/Icon';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { DueMark, PriorityMark, TypeName } from '../parts/TicketMarks';
import { Title } from '../parts/Title';
import { useMessage } from '../parts/messages';
import { Follow } from '../rules/Follow';
import { MacroMenu } from '../rules/MacroMenu';
import { useActions, type Action } from '../shell/actions';
import { works } from '../shell/roles';
import './calls.css';
import './tickets.css';

/** useChange changes the ticket as it was seen: somebody else's change in between is told, not overwritten. */
function useChange(id: string, version: number | undefined) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ path = '', method = 'PATCH', body }: { path?: string; method?: 'PATCH' | 'POST' | 'PUT' | 'DELETE'; body?: Record<string, unknown> }) =>
      request(`/tickets/${id}${path}`, { method, body: method === 'PATCH' && !path ? { version, ...body } : body }),
    onError: (error) => void message.error(error instanceof Problem && error.status === 409 ? t('ticket.refused', { why: error.detail }) : t(problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: ['tickets'] }),
  });
}

type Change = ReturnType<typeof useChange>;

function Said({ comment }: { comment: TicketComment }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const people = usePeople();
  const kind = comment.public ? comment.by_kind : 'note';
  return (
    <li className={`said said-${kind}`}>
      <p className="said-head">
        <strong>{comment.by_kind === 'customer' ? t('ticket.customer') : comment.by_kind === 'bot' ? t('ticket.bot') : nameOf(people, comment.author)}</strong>
        {!comment.public && <span className="tag">{t('ticket.note')}</span>}
        <time className="muted num" dateTime={comment.at}>
          {dateTime(comment.at)}
        </time>
      </p>
      <p className="said-body" dir="auto">{comment.body}</p>
    </li>
  );
}

interface Draft {
  kind: 'reply' | 'note';
  text: string;
}

/** useDraft is what is being written on a ticket: it stays over other work, a reload and the end of a session, until the logout. */
function useDraft(id: number): [Draft, (change: (draft: Draft) => Partial<Draft>) => void] {
  const me = useSuspenseQuery(session).data?.user.id ?? '';
  const [draft, setDraft] = useState<Draft>(() => draftOf<Draft>(me, `ticket.${id}`) ?? { kind: 'reply', text: '' });
  const change = useCallback((part: (draft: Draft) => Partial<Draft>) => setDraft((old) => ({ ...old, ...part(old) })), []);
  useEffect(() => keepDraft(me, `ticket.${id}`, draft.text ? draft : undefined), [me, id, draft]);
  return [draft, change];
}

/** Composer writes an answer, or a note that the customer never sees. */
function Composer({ id, change, over }: { id: number; change: Change; over: boolean }) {
  const { t } = useTranslation();
  const [{ kind, text }, write] = useDraft(id);
  const field = useRef<ComponentRef<typeof Input.TextArea>>(null);
  useActions(
    useMemo<Action[]>(() => {
      const focus = (as: Draft['kind']) => {
        write(() => ({ kind: as }));
        requestAnimationFrame(() => field.current?.focus());
      };
      return [
        { id: 'reply', group: 'write', icon: 'words', label: t('desktop.do.reply'), code: 'KeyR', run: () => focus('reply') },
        { id: 'note', group: 'write', icon: 'lock', label: t('desktop.do.note'), code: 'KeyN', run: () => focus('note') },
      ];
    }, [t, write]),
  );
  const send = (then?: TicketState) => {
    if (!text.trim() || change.isPending) return;
    change.mutate(
      { path: '/comments', method: 'POST', body: { body: text, public: kind === 'reply' } },
      {
        onSuccess: () => {
          // What was written since then stays.
          write((now) => ({ text: now.text.startsWith(text) ? now.text.slice(text.length).trimStart() : now.text }));
          if (then) change.mutate({ path: '', body: { state: then, version: 0 } });
        },
      },
    );
  };
  return (
    <div className={`composer composer-${kind}`}>
      <Segmented
        value={kind}
        onChange={(as: Draft['kind']) => write(() => ({ kind: as }))}
        options={[
          { value: 'reply', label: t('ticket.reply') },
          { value: 'note', label: t('ticket.note') },
        ]}
      />
      <Input.TextArea
        ref={field}
        autoSize={{ minRows: 3, maxRows: 10 }}
        value={text}
        maxLength={20000}
        placeholder={t(kind === 'reply' ? 'ticket.replyHint' : 'ticket.noteHint')}
        aria-label={t(kind === 'reply' ? 'ticket.reply' : 'ticket.note')}
        dir="auto"
        onChange={(event) => write(() => ({ text: event.target.value }))}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && !event.nativeEvent.isComposing) {
            // Leaves the field, not the ticket.
            event.stopPropagation();
            field.current?.blur();
            return;
          }
          if (event.nativeEvent.isComposing || event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          send(event.shiftKey && kind === 'reply' && !over ? 'resolved' : undefined);
        }}
      />
      <div className="composer-foot">
        <small className="muted">{t('ticket.keys')}</small>
        {kind === 'reply' && !over && (
          <Button disabled={!text.trim()} onClick={() => send('pending_customer')}>
            {t('ticket.sendAndWait')}
          </Button>
        )}
        <Button type="primary" disabled={!text.trim()} loading={change.isPending} onClick={() => send()}>
          {t(kind === 'reply' ? 'ticket.send' : 'ticket.keep')}
        </Button>
      </div>
    </div>
  );
}

function Clocks({ clocks, now }: { clocks: readonly TicketClock[]; now: number }) {
  const { t } = useTranslation();
  const latest = new Map(clocks.map((clock) => [clock.kind, clock]));
  if (latest.size === 0) return <p className="muted">{t('ticket.noPromise')}</p>;
  return (
    <ul className="ticket-clocks">
      {[...latest.values()].map((clock) => (
        <li key={clock.kind}>
          <span>{t(`ticket.clocks.${clock.kind}`)}</span>
          {clock.outcome ? (
            <span className={`tag tag-${clock.outcome === 'missed' ? 'poor' : 'good'}`}>{t(`ticket.outcomes.${clock.outcome}`)}</span>
          ) : clock.paused ? (
            <span className="tag">{t('ticket.paused')}</span>
          ) : (
            <DueMark due={clock.due_at} spent={clock.spent} now={now} />
          )}
        </li>
      ))}
    </ul>
  );
}

/** Hold asks until when. */
function Hold({ onPick, onClose }: { onPick: (until: string) => void; onClose: () => void }) {
  const { t } = useTranslation();
  const [until, setUntil] = useState<Dayjs>(dayjs().add(1, 'day').hour(9).minute(0).second(0));
  return (
    <Modal open title={t('ticket.holdUntil')} okText={t('ticket.hold')} cancelText={t('settings.cancel')} onCancel={onClose} onOk={() => onPick(until.toISOString())} width={360}>
      <DatePicker showTime={{ format: 'HH:mm' }} format="YYYY-MM-DD HH:mm" allowClear={false} value={until} disabledDate={(d) => d.isBefore(dayjs(), 'day')} onChange={(d: Dayjs | null) => d && setUntil(d)} aria-label={t('ticket.holdUntil')} />
    </Modal>
  );
}

function Facts({ detail, change, now }: { detail: TicketDetail; change: Change; now: number }) {
  const { t, i18n } = useTranslation();
  const { dateTime } = useFormat();
  const k = detail.ticket;
  const [holding, setHolding] = useState(false);
  const types = useQuery(ticketTypes).data ?? [];
  const people = usePeople();
  const type = types.find((one) => one.name === k.type);
  const closed = k.state === 'closed';
  const patch = (body: Record<string, unknown>) => change.mutate({ body });
  return (
    <aside className="card ticket-facts" aria-label={t('ticket.facts')}>
      <label>
        <span>{t('ticket.state')}</span>
        <Select
          value={k.state}
          disabled={closed}
          options={[k.state, ...detail.moves].map((value) => ({ value, label: t(`ticket.states.${value}`) }))}
          onChange={(state: TicketState) => (state === 'on_hold' ? setHolding(true) : patch({ state }))}
        />
      </label>
      {k.hold_until && !k.hold_until.startsWith('0001') && <p className="muted">{t('ticket.until', { when: dateTime(k.hold_until) })}</p>}
      <label>
        <span>{t('ticket.assignee')}</span>
        <Select
          showSearch={{ optionFilterProp: 'label' }}
          value={k.assignee ?? 0}
          disabled={closed}
          options={[{ value: 0, label: t('ticket.of.nobody') }, ...people.map((user) => ({ value: Number(user.id), label: user.name || user.username }))]}
          onChange={(assignee: number) => patch({ assignee })}
        />
      </label>
      <label>
        <span>{t('ticket.priority')}</span>
        <Select value={k.priority} disabled={closed} options={priorities.map((value) => ({ value, label: t(`ticket.priorities.${value}`) }))} onChange={(priority: string) => patch({ priority })} />
      </label>
      <label>
        <span>{t('ticket.type')}</span>
        <Select value={k.type} disabled={closed} options={types.map((one) => ({ value: one.name, label: i18n.language === 'zh-CN' ? one.label_zh : one.label_en, disabled: one.disabled }))} onChange={(value: string) => patch({ type: value })} />
      </label>
      {type?.fields.map((field) => {
        const value = k.fields[field.key] as string | number | boolean | undefined;
        const shown = value === undefined ? '' : String(value);
        const label = i18n.language === 'zh-CN' ? field.label_zh : field.label_en;
        return (
          <label key={field.key}>
            <span>
              {label}
              {field.required && ' *'}
            </span>
            {field.type === 'choice' ? (
              <Select allowClear value={value as string | undefined} disabled={closed} options={(field.choices ?? []).map((choice) => ({ value: choice, label: choice }))} onChange={(v?: string) => patch({ fields: { [field.key]: v ?? null } })} />
            ) : (
              <Input
                key={shown}
                defaultValue={shown}
                disabled={closed}
                inputMode={field.type === 'number' ? 'decimal' : undefined}
                onBlur={(event) => {
                  const text = event.target.value.trim();
                  if (text === shown) return;
                  patch({ fields: { [field.key]: text === '' ? null : field.type === 'number' ? Number(text) : field.type === 'boolean' ? text === 'true' : text } });
                }}
              />
            )}
          </label>
        );
      })}
      <label>
        <span>{t('ticket.tags')}</span>
        <Select mode="tags" value={k.tags} disabled={closed} tokenSeparators={[',', '，']} onChange={(tags: string[]) => patch({ tags })} />
      </label>
      <h2>{t('ticket.promises')}</h2>
      <Clocks clocks={detail.clocks} now={now} />
      <Tasks detail={detail} change={change} />
      {detail.links.length > 0 && (
        <>
          <h2>{t('ticket.links')}</h2>
          <ul className="ticket-links">
            {detail.links.map((link) => (
              <li key={`${link.kind}-${link.ticket}`}>
                <Tag>{t(`ticket.linkKinds.${link.kind}`)}</Tag>
                <Link to="/tickets/$ticketId" params={{ ticketId: String(link.ticket) }}>
                  #{link.ticket} {link.subject}
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
      {holding && (
        <Hold
          onClose={() => setHolding(false)}
          onPick={(until) => {
            setHolding(false);
            patch({ state: 'on_hold', hold_until: until });
          }}
        />
      )}
    </aside>
  );
}

function Tasks({ detail, change }: { detail: TicketDetail; change: Change }) {
  const { t } = useTranslation();
  const [title, setTitle] = useState('');
  return (
    <>
      <h2>{t('ticket.tasks')}</h2>
      <ul className="ticket-tasks">
        {detail.tasks.map((task) => {
          const done = !!task.done_at && !task.done_at.startsWith('0001');
          return (
            <li key={task.id}>
              <label className={done ? 'done' : undefined}>
                <input type="checkbox" checked={done} onChange={(event) => change.mutate({ path: `/tasks/${task.id}`, method: 'PATCH', body: { done: event.target.checked } })} />
                {task.title}
              </label>
            </li>
          );
        })}
      </ul>
      <Input
        value={title}
        maxLength={300}
        placeholder={t('ticket.addTask')}
        aria-label={t('ticket.addTask')}
        onChange={(event) => setTitle(event.target.value)}
        onPressEnter={(event) => {
          if (event.nativeEvent.isComposing || !title.trim()) return;
          change.mutate({ path: '/tasks', method: 'POST', body: { title } }, { onSuccess: () => setTitle('') });
        }}
      />
    </>
  );
}

function StepLine({ step }: { step: TicketStep }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const detail = (step.detail ?? {}) as Record<string, unknown>;
  const changes = Object.entries(detail).filter((pair): pair is [string, [unknown, unknown]] => Array.isArray(pair[1]) && pair[1].length === 2);
  return (
    <li>
      <time className="muted num" dateTime={step.at}>
        {dateTime(step.at)}
      </time>
      <span>
        <strong>{step.actor === 'customer' ? t('ticket.customer') : step.actor === 'system' ? t('ticket.system') : step.actor.startsWith('rule:') ? t('rules.byRule', { name: step.actor.slice(5) }) : step.actor}</strong> {t(`ticket.steps.${step.kind}`, step.kind)}
        {step.kind === 'warned' && ` ${t(`ticket.clocks.${detail.clock as string}`)} ${t('unit.percent', { value: detail.level as number })}`}
        {changes.length > 0 && <small className="muted"> {changes.map(([field]) => t(`ticket.${field.startsWith('fields.') ? 'field' : field}`, field)).join(', ')}</small>}
      </span>
    </li>
  );
}

/** useDeeds are what can be done with a ticket by key; the first of them has a button, too. */
function useDeeds(detail: TicketDetail | undefined, change: Change, onNext?: () => void): (() => void) | undefined {
  const { t } = useTranslation();
  const me = useSuspenseQuery(session).data?.user;
  const { mutate } = change;
  const state = detail?.ticket.state;
  const over = state === 'resolved' || state === 'closed';
  const to: TicketState = over ? 'open' : 'resolved';
  const may = !!detail && !detail.ticket.merged_into && works(me?.role) && detail.moves.includes(to);
  const resolve = useCallback(() => mutate({ body: { state: to } }), [mutate, to]);
  const mine = may && !over && me && String(detail.ticket.assignee ?? 0) !== me.id ? Number(me.id) : 0;
  useActions(
    useMemo<Action[]>(
      () => [
        ...(may ? [{ id: 'resolve', group: 'work' as const, icon: 'shield' as const, label: t(over ? 'inbox.reopen' : 'desktop.do.resolve'), code: 'KeyE', run: resolve }] : []),
        ...(may && !over && onNext ? [{ id: 'resolveNext', group: 'work' as const, icon: 'shield' as const, label: t('desktop.do.resolveNext'), code: 'KeyE', shift: true, run: () => mutate({ body: { state: to } }, { onSuccess: onNext }) }] : []),
        ...(mine ? [{ id: 'mine', group: 'work' as const, icon: 'user' as const, label: t('desktop.do.mine'), code: 'KeyA', run: () => mutate({ body: { assignee: mine } }) }] : []),
      ],
      [t, may, over, resolve, onNext, mutate, to, mine],
    ),
  );
  return may ? resolve : undefined;
}

/** TicketPage is one ticket on a page of its own. */
export function TicketPage() {
  const { ticketId } = useParams({ from: '/shell/tickets/$ticketId' });
  return <TicketView ticketId={ticketId} />;
}

/** TicketView is one ticket: what was said, what stands, what was promised, what was done. `onBack` and `onNext` are for where it stands among others. */
export function TicketView({ ticketId, onBack, onNext }: { ticketId: string; onBack?: () => void; onNext?: () => void }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const client = useQueryClient();
  const now = useNow();
  const { data, error, refetch } = useQuery(ticket(ticketId));
  const [trailOpen, setTrailOpen] = useState(false);
  const trail = useQuery({ ...ticketTrail(ticketId), enabled: trailOpen });
  const change = useChange(ticketId, data?.ticket.version);
  const people = usePeople();
  const resolve = useDeeds(data, change, onNext);
  useChannel(
    'tickets',
    useCallback(() => void client.invalidateQueries({ queryKey: ['tickets', 'one', ticketId] }), [client, ticketId]),
  );
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting rows={8} />;
  const k = data.ticket;
  const over = k.state === 'resolved' || k.state === 'closed';
  return (
    <div className="page">
      {!onBack && <Title>{`#${k.id} ${k.subject}`}</Title>}
      <div className="page-head">
        {onBack ? (
          <button type="button" className="round" aria-label={t('inbox.back')} onClick={onBack}>
            <Icon name="back" size={18} />
          </button>
        ) : (
          <Link to="/tickets" className="round" aria-label={t('ticket.title')}>
            <Icon name="back" size={18} />
          </Link>
        )}
        <h1>
          <span className="muted num">#{k.id}</span> {k.subject}
        </h1>
        <span className={`tag ticket-state ticket-${k.state}`}>{t(`ticket.states.${k.state}`)}</span>
        <PriorityMark priority={k.priority} complaint={k.complaint} />
        <CaseMark ticket={k.id} />
        {!k.merged_into && (
          <span className="ticket-make">
            <Follow ticket={k.id} told={data.told} />
            <MacroMenu object={{ kind: 'ticket', id: k.id }} />
            {resolve && (
              <button type="button" className="chip ticket-resolve" disabled={change.isPending} onClick={(event) => event.detail < 2 && resolve()}>
                {t(over ? 'inbox.reopen' : 'desktop.do.resolve')}
              </button>
            )}
          </span>
        )}
      </div>
      {k.merged_into ? (
        <p className="failed">
          {t('ticket.mergedInto')}{' '}
          <Link to="/tickets/$ticketId" params={{ ticketId: String(k.merged_into) }}>
            #{k.merged_into}
          </Link>
          <button type="button" onClick={() => change.mutate({ path: '/unmerge', method: 'POST', body: {} })}>
            {t('ticket.unmerge')}
          </button>
        </p>
      ) : null}
      <div className="ticket-columns">
        <section className="card ticket-thread" aria-label={t('ticket.thread')}>
          <p className="muted ticket-made">
            <TypeName name={k.type} /> · {t('ticket.madeBy', { who: k.created_by === 'customer' ? t('ticket.customer') : nameOf(people, k.created_by) })} ·{' '}
            <time className="num" dateTime={k.created_at}>
              {dateTime(k.created_at)}
            </time>
            {k.contact && (
              <>
                {' · '}
                <Link to="/contacts/$contactId" params={{ contactId: String(k.contact) }}>
                  {t('look.customer')}
                </Link>
              </>
            )}
            {k.source_ref?.startsWith('conversation:') && (
              <>
                {' · '}
                <Link to="/inbox/$conversation" params={{ conversation: k.source_ref.slice(13) }}>
                  {t('ticket.fromConversation')}
                </Link>
              </>
            )}
            {k.source_ref?.startsWith('call:') && (
              <>
                {' · '}
                <Link to="/calls/$callId" params={{ callId: k.source_ref.slice(5) }}>
                  {t('ticket.fromCall')}
                </Link>
              </>
            )}
          </p>
          {k.body && <p className="said-body ticket-body" dir="auto">{k.body}</p>}
          <TicketHelp id={k.id} over={over} />
          <ul className="said-list">
            {data.comments.map((comment) => (
              <Said key={comment.id} comment={comment} />
            ))}
          </ul>
          {!k.body && data.comments.length === 0 && <Empty icon="words" title={t('ticket.nothingSaid')} />}
          {k.state === 'closed' ? <p className="muted">{t('ticket.closedHint')}</p> : <Composer key={k.id} id={k.id} change={change} over={over} />}
          <button type="button" className="chip" aria-expanded={trailOpen} onClick={() => setTrailOpen(!trailOpen)}>
            <Icon name={trailOpen ? 'up' : 'down'} size={14} />
            {t('ticket.trail')}
          </button>
          {trailOpen && (
            <ol className="ticket-trail">
              {trail.data?.map((step) => (
                <StepLine key={step.id} step={step} />
              ))}
            </ol>
          )}
        </section>
        <Facts detail={data} change={change} now={now} />
      </div>
    </div>
  );
}
