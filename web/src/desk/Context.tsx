import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { Suspense, useEffect, useState, type ReactNode, type SyntheticEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { BotPacket } from '../api/bot';
import { request } from '../api/client';
import type { Page, TicketRow } from '../api/model';
import type { components } from '../api/openapi';
import { lost, Problem, problemKey } from '../api/problem';
import { session } from '../api/queries';
import { useNow } from '../call/hooks';
import { contact as contactOf } from '../contact/api';
import { firstOf, useFormat } from '../i18n/format';
import { PacketView } from '../parts/BotPacket';
import { Icon, type IconName } from '../parts/Icon';
import { whenShown } from '../parts/later';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { DueMark, PriorityMark } from '../parts/TicketMarks';
import '../pages/contacts.css';
import '../pages/tickets.css';
import { Tooltip } from '../parts/hung';
import { useMessage } from '../parts/messages';
import { works } from '../shell/roles';
import { PhonePanel } from './Phone';

// With their forms they are half of the page: they come when they are asked for.
const PersonTab = whenShown(() => import('./PersonTabs').then((tabs) => ({ default: tabs.PersonTab })));
const AssistCards = whenShown(() => import('./AssistCards'));
const TimelineTab = whenShown(() => import('./PersonTabs').then((tabs) => ({ default: tabs.TimelineTab })));

type Schemas = components['schemas'];

export const tabs = ['assist', 'person', 'tickets', 'timeline', 'kb', 'phone'] as const;
export type Tab = (typeof tabs)[number];

const icons: Record<Tab, IconName> = { assist: 'heart', person: 'user', tickets: 'ticket', timeline: 'rewind', kb: 'book', phone: 'phone' };

/** Subject is what is open at the desk. */
export interface Subject {
  kind: 'call' | 'conversation' | 'ticket';
  id: string;
  contact?: number;
  packet?: unknown;
  language?: string;
}

/** Slots are the values that nobody should have to say twice. */
function Slots({ contact, onInsert }: { contact: number; onInsert?: (text: string) => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const { moment, number } = useFormat();
  const client = useQueryClient();
  const { data, error } = useQuery({ queryKey: ['contacts', String(contact), 'slots'], queryFn: ({ signal }) => request<Schemas['BotSlots']>(`/bot/contacts/${contact}/slots`, { signal }).then((found) => found.items), staleTime: 30_000 });
  const [editing, setEditing] = useState<{ id: number; value: string } | null>(null);
  const correct = useMutation({
    mutationFn: ({ id, value }: { id: number; value: string }) => request(`/bot/slots/${id}`, { method: 'PUT', body: { value } }),
    onSuccess: () => setEditing(null),
    onSettled: () => client.invalidateQueries({ queryKey: ['contacts', String(contact), 'slots'] }),
    onError: (failed) => void message.error(failed instanceof Problem && failed.status === 422 ? t('journey.slot.wrong') : t(problemKey(failed))),
  });
  const save = (event: SyntheticEvent) => {
    event.preventDefault();
    if (editing?.value.trim()) correct.mutate(editing);
  };
  const forget = useMutation({
    mutationFn: (id: number) => request(`/bot/slots/${id}`, { method: 'DELETE' }),
    onSettled: () => client.invalidateQueries({ queryKey: ['contacts', String(contact), 'slots'] }),
    onError: (failed) => void message.error(t(problemKey(failed))),
  });
  if (error || !data || data.length === 0) return null;
  return (
    <section className="card part" aria-labelledby="slots">
      <h2 id="slots">{t('desktop.slots')}</h2>
      <ul className="slot-list">
        {data.map((one) => (
          <li key={one.id}>
            <span className="muted">{t(`bot.slot.${one.name}`, one.name)}</span>
            {editing?.id === one.id ? (
              <form className="slot-edit" onSubmit={save}>
                <input className="num" autoFocus maxLength={200} aria-label={t('journey.slot.value', { name: t(`bot.slot.${one.name}`, one.name) })} value={editing.value} onChange={(event) => setEditing({ id: one.id, value: event.target.value })} onKeyDown={(event) => event.key === 'Escape' && setEditing(null)} />
                <button type="submit" className="small-button" disabled={correct.isPending || !editing.value.trim()}>
                  {t('journey.slot.save')}
                </button>
              </form>
            ) : (
              <span className="slot-value">
                <strong className="num">{one.value}</strong>
                <small className="muted" title={moment(one.at)}>
                  {t(`desktop.source.${one.source}`, one.source)} · {one.confirmed ? t('desktop.confirmed') : t('unit.percent', { value: number(100 * one.p) })}
                </small>
              </span>
            )}
            {!one.value.includes('*') && editing?.id !== one.id && (
              <button type="button" className="round" aria-label={t('journey.slot.edit', { value: one.value })} title={t('journey.slot.editHint')} onClick={() => setEditing({ id: one.id, value: one.value })}>
                <Icon name="pen" size={14} />
              </button>
            )}
            {onInsert && !one.value.includes('*') && (
              <button type="button" className="round" aria-label={t('desktop.insertValue', { value: one.value })} title={t('desktop.insert')} onClick={() => onInsert(one.value)}>
                <Icon name="words" size={16} />
              </button>
            )}
            <button type="button" className="round" aria-label={t('desktop.forget', { value: one.value })} title={t('desktop.forgetHint')} onClick={() => forget.mutate(one.id)}>
              <Icon name="close" size={14} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

const isPacket = (packet: unknown): packet is BotPacket => typeof packet === 'object' && packet !== null && 'summary' in packet && 'emotion_trend' in packet;

/** HandOver is what came with the conversation: of the bot, or of the colleague who passed it on. */
function HandOver({ packet }: { packet: unknown }) {
  const { t } = useTranslation();
  if (isPacket(packet))
    return (
      <section className="card part desk-packet" aria-label={t('desktop.handOver')}>
        <PacketView packet={packet} />
      </section>
    );
  const passed = (packet ?? {}) as { reason?: string; note?: string; by?: string };
  if (passed.reason !== 'transfer' || !passed.note) return null;
  return (
    <section className="card part desk-packet" aria-label={t('desktop.handOver')}>
      <h2>{t('desktop.passedBy', { who: passed.by ?? '' })}</h2>
      <p>{passed.note}</p>
    </section>
  );
}

function Assist({ subject, onInsert, onSend }: { subject: Subject; onInsert?: (text: string) => void; onSend?: (text: string) => void }) {
  const { t } = useTranslation();
  const working = works(useSuspenseQuery(session).data?.user.role);
  const packet = isPacket(subject.packet) || (subject.packet as { note?: string } | undefined)?.note;
  return (
    <>
      {working && <AssistCards key={`${subject.kind}${subject.id}`} kind={subject.kind} id={subject.id} onInsert={onInsert} onSend={onSend} />}
      <HandOver packet={subject.packet} />
      {working && subject.contact ? <Slots contact={subject.contact} onInsert={onInsert} /> : null}
      {subject.contact ? <PersonLine contact={subject.contact} /> : !packet && <Empty icon="contacts" title={t('desktop.unknownPerson')} />}
    </>
  );
}

/** PersonLine is who it is in one line. */
function PersonLine({ contact }: { contact: number }) {
  const { t } = useTranslation();
  const { data } = useQuery(contactOf(String(contact)));
  if (!data) return null;
  return (
    <section className="card part person-line" aria-label={t('contacts.person')}>
      <h2>
        <Link to="/contacts/$contactId" params={{ contactId: String(data.id) }}>
          {data.name || t('contacts.unnamed')}
        </Link>{' '}
        {data.vip && <span className="tag tag-vip">{t('contacts.vip')}</span>}
      </h2>
      <p className="muted">{data.identities.slice(0, 3).map((one) => one.value).join(' · ')}</p>
      {data.tags.length > 0 && <p>{data.tags.map((tag) => <span key={tag} className="tag">{tag}</span>)}</p>}
    </section>
  );
}

function TicketsTab({ contact }: { contact: number }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const now = useNow();
  const { data, error } = useQuery({ queryKey: ['tickets', 'of', contact], queryFn: ({ signal }) => request<Page<TicketRow>>('/tickets', { signal, query: { contact, limit: 40 } }).then((page) => page.items ?? []) });
  if (lost(error, data)) return <Failed error={error} />;
  if (!data) return <Waiting rows={3} />;
  if (data.length === 0) return <Empty icon="ticket" title={t('desktop.noTickets')} hint={t('desktop.noTicketsHint')} />;
  return (
    <ul className="context-tickets">
      {data.map((row) => (
        <li key={row.id}>
          <button type="button" className="card" onClick={() => void navigate({ to: '/desk', search: { ticket: row.id } })}>
            <strong>
              <span className="num muted">#{row.id}</span> {row.subject}
            </strong>
            <span className="context-ticket-foot">
              <span className={`tag ticket-state ticket-${row.state}`}>{t(`ticket.states.${row.state}`)}</span>
              <PriorityMark priority={row.priority} complaint={row.complaint} />
              <DueMark due={row.next_due} kind={row.next_kind} spent={row.next_spent} now={now} />
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Knowledge looks for articles and puts them into the reply. */
function Knowledge({ onInsert, language }: { onInsert?: (text: string) => void; language?: string }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const [typed, setTyped] = useState('');
  const [q, setQ] = useState('');
  const { data, error, isFetching } = useQuery({
    queryKey: ['kb', 'search', q, language],
    queryFn: ({ signal }) => request<Schemas['Found']>('/kb/search', { signal, query: { q, limit: 8 } }),
    enabled: q !== '',
    staleTime: 60_000,
  });
  const search = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    setQ(typed.trim());
  };
  return (
    <>
      <form className="kb-find" role="search" onSubmit={search}>
        <label>
          <span className="hidden">{t('desktop.findArticle')}</span>
          <input data-desk-kb type="search" value={typed} maxLength={500} placeholder={t('desktop.findArticle')} onChange={(event) => setTyped(event.target.value)} />
        </label>
        <button type="submit" className="round" aria-label={t('desktop.find')} title={t('desktop.find')}>
          <Icon name="search" size={18} />
        </button>
      </form>
      {error && <Failed error={error} />}
      {isFetching && !data && <Waiting rows={3} />}
      {data?.items.length === 0 && <Empty icon="book" title={t('inbox.nothingFound')} />}
      <ul className="kb-found">
        {data?.items.map((one) => (
          <li key={one.article.id} className="card part">
            <h2>
              <Link to="/kb/$articleId" params={{ articleId: String(one.article.id) }}>
                {one.article.title}
              </Link>
            </h2>
            <p className="kb-passage">{firstOf(one.passage, one.article.text.slice(0, 300))}</p>
            <div className="kb-acts">
              <small className="muted num">{t('unit.percent', { value: number(100 * one.p) })}</small>
              {onInsert && (
                <button type="button" className="small-button" onClick={() => onInsert(one.article.text)}>
                  {t('desktop.insert')}
                </button>
              )}
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}

interface Props {
  subject?: Subject;
  tab: Tab;
  onTab: (tab: Tab) => void;
  onInsert?: (text: string) => void;
  onSend?: (text: string) => void;
  /** Without it there is no telephone here. */
  onDevices?: () => void;
  step: number;
  onWidth?: (by: number) => void;
  onClose?: () => void;
}

/** Context is what is known about who is open at the desk. */
export function Context({ subject, tab, onTab, onInsert, onSend, onDevices, step, onWidth, onClose }: Props) {
  const { t } = useTranslation();
  const contact = subject?.contact;
  const own: readonly Tab[] = (subject ? tabs : (['kb', 'phone'] as const)).filter((name) => name !== 'phone' || onDevices);
  const shown = own.includes(tab) ? tab : (own.at(-1) ?? 'phone');
  useEffect(() => {
    // Who asks for the articles by key writes at once.
    if (shown === 'kb') document.querySelector<HTMLElement>('[data-desk-kb]')?.focus({ preventScroll: true });
  }, [shown]);
  const nobody = <Empty icon="contacts" title={t('desktop.unknownPerson')} hint={t('desktop.unknownPersonHint')} />;
  const parts: Record<Tab, () => ReactNode> = {
    assist: () => subject && <Assist subject={subject} onInsert={onInsert} onSend={onSend} />,
    person: () => (contact ? <PersonTab contact={contact} /> : nobody),
    tickets: () => (contact ? <TicketsTab contact={contact} /> : nobody),
    timeline: () => (contact ? <TimelineTab contact={contact} /> : nobody),
    kb: () => <Knowledge onInsert={onInsert} language={subject?.language} />,
    phone: () => onDevices && <PhonePanel onDevices={onDevices} />,
  };
  return (
    <aside className="context" aria-label={t('desktop.context')}>
      <div className="context-top">
        <div className="context-tabs" role="tablist" aria-label={t('desktop.context')}>
          {own.map((name) => (
            <Tooltip key={name} title={t(`desktop.tab.${name}`)}>
              <button type="button" role="tab" aria-selected={shown === name} aria-label={t(`desktop.tab.${name}`)} className={shown === name ? 'context-tab context-tab-here' : 'context-tab'} onClick={() => onTab(name)}>
                <Icon name={icons[name]} size={18} />
              </button>
            </Tooltip>
          ))}
        </div>
        {onClose ? (
          <button type="button" className="round" aria-label={t('desktop.closeContext')} onClick={onClose}>
            <Icon name="close" size={16} />
          </button>
        ) : (
          <span className="panel-widths">
            <button type="button" className="round" disabled={step === 3} aria-label={t('desktop.wider')} title={t('desktop.wider')} onClick={() => onWidth?.(1)}>
              <Icon name="back" size={15} />
            </button>
            <button type="button" className="round panel-narrower" disabled={step === 0} aria-label={t('desktop.narrower')} title={t('desktop.narrower')} onClick={() => onWidth?.(-1)}>
              <Icon name="back" size={15} />
            </button>
          </span>
        )}
      </div>
      <div className="context-body" role="tabpanel" aria-label={t(`desktop.tab.${shown}`)} tabIndex={0}>
        <Suspense fallback={<Waiting rows={4} />}>{parts[shown]()}</Suspense>
      </div>
    </aside>
  );
}
