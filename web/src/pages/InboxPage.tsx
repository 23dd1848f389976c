import { useInfiniteQuery, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Input } from 'antd';
import { useCallback, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { session } from '../api/queries';
import { useChannel, useNarrow } from '../call/hooks';
import { Context, type Subject, type Tab } from '../desk/Context';
import { Wait } from '../desk/Wait';
import '../desk/desk.css';
import { useFormat } from '../i18n/format';
import { Bulk } from '../inbox/Bulk';
import type { ComposerHandle } from '../inbox/Composer';
import { conversation as conversationOf, filtered, search as searchOf, views as viewsOf, type Row } from '../inbox/data';
import { treeOf, type InboxFilter } from '../inbox/filter';
import { Boxes, Narrow } from '../inbox/Filters';
import { ExportButton } from '../teams/Exports';
import { Talk } from '../inbox/Talk';
import { Icon } from '../parts/Icon';
import { More } from '../parts/More';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { useActions, type Action } from '../shell/actions';
import { works } from '../shell/roles';

function ListRow({ row, here, chosen, onChoose, onOpen }: { row: Row; here: boolean; chosen: boolean; onChoose?: (on: boolean) => void; onOpen: () => void }) {
  const { t } = useTranslation();
  const { time, day } = useFormat();
  const today = new Date(row.last_at).toDateString() === new Date().toDateString();
  return (
    <li className="inbox-line">
      {onChoose && (
        <label>
          <input type="checkbox" checked={chosen} aria-label={t('desktop.choose', { name: (row.name ?? '') || t('inbox.visitor', { id: row.id }) })} onChange={(event) => onChoose(event.target.checked)} />
        </label>
      )}
      <button type="button" className={`inbox-row${here ? ' inbox-here' : ''}${row.unread ? ' inbox-unread' : ''}`} aria-current={here || undefined} onClick={onOpen}>
        <span className="inbox-row-head">
          <span className="inbox-name" dir="auto">{(row.name ?? '') || t('inbox.visitor', { id: row.id })}</span>
          {row.waiting_since ? <Wait since={row.waiting_since} /> : <span className="muted num">{today ? time(row.last_at).slice(0, 5) : day(row.last_at)}</span>}
        </span>
        <span className="inbox-last" dir="auto">{(row.last_text ?? '') || t('inbox.noText')}</span>
        <span className="inbox-row-foot">
          <span className="inbox-channel">{t(`inbox.channel.${row.channel}`, { defaultValue: row.channel })}</span>
          <span>{row.handler === 'agent' ? row.assignee_name : t(`inbox.handler.${row.handler}`)}</span>
          {row.labels.map((label) => (
            <span key={label} className="inbox-label">
              {label}
            </span>
          ))}
          {row.mentioned && <span className="inbox-label inbox-at">@</span>}
          {row.unread && <span className="inbox-dot" role="img" aria-label={t('inbox.unread')} />}
        </span>
      </button>
    </li>
  );
}

function Found({ q, onOpen }: { q: string; onOpen: (id: number) => void }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const navigate = useNavigate();
  const { data, error, isPending } = useQuery(searchOf(q));
  if (error) return <Failed error={error} />;
  if (isPending) return <Waiting rows={4} />;
  if (data.messages.length + data.calls.length === 0) return <Empty icon="search" title={t('inbox.nothingFound')} />;
  return (
    <ul className="inbox-rows">
      {data.messages.map((hit) => (
        <li key={hit.message.id}>
          <button type="button" className="inbox-row" onClick={() => onOpen(hit.message.thread)}>
            <span className="inbox-row-head">
              <span className="inbox-name">{(hit.name ?? '') || t('inbox.visitor', { id: hit.message.thread })}</span>
              <span className="muted num">{dateTime(hit.message.at)}</span>
            </span>
            <span className="inbox-last">{hit.snippet}</span>
          </button>
        </li>
      ))}
      {data.calls.map((call) => (
        <li key={call.id}>
          <button type="button" className="inbox-row" onClick={() => void navigate({ to: '/calls/$callId', params: { callId: call.id }, search: { q } })}>
            <span className="inbox-row-head">
              <span className="inbox-name">{call.from}</span>
              <span className="muted num">{dateTime(call.started_at)}</span>
            </span>
            <span className="inbox-last">{t('inbox.call')}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

interface ListProps {
  id?: number;
  filter: InboxFilter;
  onOpen: (id: number) => void;
  onFilter: (filter: InboxFilter) => void;
}

function ConversationList({ id, filter, onOpen, onFilter }: ListProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const working = works(useSuspenseQuery(session).data?.user.role);
  const [q, setQ] = useState('');
  const [chosen, setChosen] = useState<ReadonlyMap<number, Row>>(new Map());
  const saved = useQuery(viewsOf).data?.find((one) => one.id === filter.view);
  const tree = useMemo(() => (filter.view ? (saved?.filter ?? null) : treeOf(filter)), [filter, saved]);
  const list = useInfiniteQuery({ ...filtered(tree ?? {}), enabled: tree !== null });
  const news = useCallback(() => void client.invalidateQueries({ queryKey: ['conversations'] }), [client]);
  useChannel('chats', news);
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const move = useCallback(
    (by: number) => {
      const at = rows.findIndex((row) => row.id === id);
      const next = rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + by))];
      if (next) onOpen(next.id);
    },
    [rows, id, onOpen],
  );
  useActions(
    useMemo<Action[]>(
      () => [
        { id: 'next', group: 'work', icon: 'down', label: t('desktop.do.next'), code: 'KeyJ', run: () => move(1) },
        { id: 'previous', group: 'work', icon: 'up', label: t('desktop.do.previous'), code: 'KeyK', run: () => move(-1) },
        ...(working ? [{ id: 'choose all', group: 'work' as const, icon: 'inbox' as const, label: t('desktop.chooseAll'), run: () => setChosen(new Map(rows.map((row) => [row.id, row]))) }] : []),
      ],
      [t, move, rows, working],
    ),
  );
  const choose = (row: Row, on: boolean) => {
    const next = new Map(chosen);
    if (on) next.set(row.id, row);
    else next.delete(row.id);
    setChosen(next);
  };
  return (
    <section className="inbox-list" aria-label={t('inbox.list')}>
      <Input.Search placeholder={t('inbox.search')} aria-label={t('inbox.search')} allowClear onSearch={setQ} maxLength={200} />
      {q.trim() !== '' ? (
        <Found q={q} onOpen={onOpen} />
      ) : (
        <>
          <Boxes filter={filter} onChange={onFilter} />
          <Narrow filter={filter} onChange={onFilter}>
            <ExportButton noun="conversations" small />
          </Narrow>
          {chosen.size > 0 && <Bulk rows={[...chosen.values()]} onDone={() => setChosen(new Map())} />}
          {list.error ? (
            <Failed error={list.error} retry={() => void list.refetch()} />
          ) : list.isPending ? (
            <Waiting />
          ) : rows.length === 0 ? (
            <Empty icon="inbox" title={t('inbox.empty')} hint={t('inbox.emptyHint')} />
          ) : (
            <ul className={chosen.size > 0 ? 'inbox-rows inbox-choosing' : 'inbox-rows'}>
              {rows.map((row) => (
                <ListRow key={row.id} row={row} here={row.id === id} chosen={chosen.has(row.id)} onChoose={working ? (on) => choose(row, on) : undefined} onOpen={() => onOpen(row.id)} />
              ))}
              {list.hasNextPage && (
                <li>
                  <More of={list} />
                </li>
              )}
            </ul>
          )}
        </>
      )}
    </section>
  );
}

/** Beside is who a conversation is with, where there is room for it. */
function Beside({ id, onInsert, onSend, onClose }: { id: number; onInsert: (text: string) => void; onSend: (text: string) => void; onClose: () => void }) {
  const { data } = useQuery(conversationOf(id));
  const [tab, setTab] = useState<Tab>('person');
  const subject: Subject = { kind: 'conversation', id: String(id), contact: data?.contact_id, packet: data?.packet, language: data?.language };
  return <Context subject={subject} tab={tab} onTab={setTab} onInsert={onInsert} onSend={onSend} step={1} onClose={onClose} />;
}

/** InboxPage is where everything can be found and worked on in bulk; the desk is for one's own work. */
export function InboxPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const narrow = useNarrow();
  const { conversation } = useParams({ strict: false });
  const filter = useSearch({ from: '/shell/inbox' });
  const [beside, setBeside] = useState(false);
  const composer = useRef<ComposerHandle>(null);
  const id = Number(conversation) > 0 ? Number(conversation) : undefined;
  const open = useCallback((n: number) => void navigate({ to: '/inbox/$conversation', params: { conversation: String(n) }, search: filter }), [navigate, filter]);
  const insert = useCallback((text: string) => composer.current?.insert(text), []);
  const send = useCallback((text: string) => composer.current?.send(text), []);
  const back = () => void navigate({ to: '/inbox', search: filter });
  const list = <ConversationList id={id} filter={filter} onOpen={open} onFilter={(next) => void navigate({ to: '/inbox', search: next })} />;
  const talk = (
    <section className="inbox-talk" aria-label={t('inbox.talk')}>
      {id ? (
        <>
          {!beside && (
            <button type="button" className="round desk-who" aria-label={t('desktop.context')} title={t('desktop.context')} onClick={() => setBeside(true)}>
              <Icon name="contacts" size={18} />
            </button>
          )}
          <Talk key={id} id={id} handle={composer} onBack={narrow ? back : undefined} />
        </>
      ) : (
        <Empty icon="inbox" title={t('inbox.choose')} hint={t('inbox.chooseHint')} />
      )}
    </section>
  );
  return (
    <div className={id && beside ? 'inbox inbox-beside' : 'inbox'}>
      <Title>{t('nav.inbox')}</Title>
      <h1 className="hidden">{t('nav.inbox')}</h1>
      {narrow ? (id ? talk : list) : list}
      {!narrow && talk}
      {id && beside && <Beside id={id} onInsert={insert} onSend={send} onClose={() => setBeside(false)} />}
    </div>
  );
}
