import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Suspense, useCallback, useEffect, useMemo, useRef, useState, type CSSProperties } from 'react';
import { useTranslation } from 'react-i18next';
import type { LiveCall } from '../api/model';
import { desk as deskOf, session } from '../api/queries';
import { ticket as ticketOf } from '../api/tickets';
import { useFloor, useNarrow } from '../call/hooks';
import { firstOf } from '../i18n/format';
import { Context, tabs, type Subject, type Tab } from '../desk/Context';
import { useBell, useNotices, waiting } from '../desk/notices';
import { OwnCalls } from '../desk/OwnCalls';
import { PhonePanel } from '../desk/Phone';
import { useSelected } from '../desk/selection';
import { useWidth } from '../desk/steps';
import { entries as entriesOf, scopes, useDeskWork, type Scope } from '../desk/work';
import { WorkList } from '../desk/WorkList';
import type { ComposerHandle } from '../inbox/Composer';
import { conversation as conversationOf } from '../inbox/data';
import { Icon } from '../parts/Icon';
// Styles of parts that come later: their place is before those of the desk.
import '../feedback/feedback.css';
import '../parts/mood.css';
import '../inbox/inbox.css';
import '../parts/thread.css';
import { later, whenShown } from '../parts/later';
import { Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { ownCall, usePhone } from '../phone/hooks';
import { current } from '../phone/state';
import { useActions, type Action } from '../shell/actions';
import '../desk/desk.css';
import './desk.css';
import './live.css';

const Talk = later(() => import('../inbox/Talk').then((talk) => ({ default: talk.Talk })));
const LiveThread = later(() => import('../parts/LiveThread').then((live) => ({ default: live.LiveThread })));
const TicketBox = whenShown(() => import('../desk/TicketBox'));
const DeviceCheck = whenShown(() => import('../phone/DeviceCheck').then((check) => ({ default: check.DeviceCheck })));
const TicketView = whenShown(() => import('./TicketPage').then((page) => ({ default: page.TicketView })));

/** What stands open: the address says it, so that it survives a reload. */
export interface DeskSearch {
  chat?: number;
  ticket?: number;
  call?: string;
}

const remembered = (key: string, allowed: readonly string[], otherwise: string) => {
  const kept = localStorage.getItem(key) ?? '';
  return allowed.includes(kept) ? kept : otherwise;
};

/** useOwnCalls are the running calls of the own telephone. */
function useOwnCalls(username: string): LiveCall[] {
  const { lines } = usePhone();
  const { calls } = useFloor();
  return useMemo(() => {
    const found = lines.filter((line) => line.phase !== 'ended' && line.phase !== 'incoming').map((line) => ownCall(calls, username, line));
    return [...new Map(found.flatMap((call) => (call && call.state !== 'ended' ? [[call.id, call] as const] : []))).values()];
  }, [lines, calls, username]);
}

/** useSubject is what is known of what stands open. */
function useSubject({ chat, ticket, call }: DeskSearch, calls: readonly LiveCall[]): Subject | undefined {
  const talk = useQuery({ ...conversationOf(chat ?? 0), enabled: chat !== undefined }).data;
  const detail = useQuery({ ...ticketOf(String(ticket ?? 0)), enabled: ticket !== undefined }).data;
  const live = calls.find((one) => one.id === call);
  return useMemo(() => {
    if (chat) return { kind: 'conversation', id: String(chat), contact: talk?.contact_id, packet: talk?.packet, language: talk?.language };
    if (ticket) return { kind: 'ticket', id: String(ticket), contact: detail?.ticket.contact };
    if (call) return { kind: 'call', id: call, contact: live?.contact, language: live?.language };
    return undefined;
  }, [chat, ticket, call, talk, detail, live]);
}

/** useTaken opens a conversation that was just given to this agent, unless something is being written. */
function useTaken(open: (key: string) => void): void {
  const { data } = useQuery(deskOf);
  const known = useRef<ReadonlySet<string> | null>(null);
  const work = data?.work;
  useEffect(() => {
    if (!work) return;
    const before = known.current;
    known.current = new Set(work.map((one) => one.id));
    const taken = work.find((one) => one.id.startsWith('chat:') && before && !before.has(one.id));
    const writing = document.activeElement instanceof HTMLTextAreaElement && document.activeElement.value !== '';
    if (taken && !writing) open(taken.id);
  }, [work, open]);
}

/** CallPane is the own call: its words, and what is made of them. */
function CallPane({ id, onBack }: { id: string; onBack?: () => void }) {
  const { t } = useTranslation();
  const { calls, whole } = useFloor();
  const call = calls.find((one) => one.id === id);
  const box = useRef<HTMLDivElement>(null);
  const selected = useSelected(box);
  const [making, setMaking] = useState<string | null>(null);
  const ticket = useCallback(() => setMaking(window.getSelection()?.toString() ?? ''), []);
  useActions(useMemo<Action[]>(() => [{ id: 'ticket', group: 'work', icon: 'ticket', label: t('desktop.do.ticket'), code: 'KeyT', run: ticket }], [t, ticket]));
  return (
    <div className="desk-call" ref={box}>
      {onBack && (
        <button type="button" className="chip desk-back" onClick={onBack}>
          <Icon name="back" size={15} /> {t('desktop.work')}
        </button>
      )}
      <Suspense fallback={<Waiting rows={6} />}>
        <LiveThread key={id} id={id} call={call} whole={whole} own />
      </Suspense>
      {selected && (
        <div className="selection-bar" role="toolbar" aria-label={t('desktop.selection')} style={{ top: selected.top, left: selected.left }} onMouseDown={(event) => event.preventDefault()}>
          <button type="button" onClick={() => setMaking(selected.text)}>
            <Icon name="ticket" size={15} />
            {t('desktop.toTicket')}
          </button>
        </div>
      )}
      {making !== null && <Suspense><TicketBox text={making} contact={call?.contact} source="call" of={id} name={firstOf(call?.from_name, call?.from)} onClose={() => setMaking(null)} /></Suspense>}
    </div>
  );
}

/** DeskPage is where an agent works: the work, what was said, and who it is. */
export function DeskPage() {
  const { t } = useTranslation();
  const { data: me } = useSuspenseQuery(session);
  const navigate = useNavigate();
  const narrow = useNarrow();
  const tight = useNarrow('(max-width: 1100px)');
  const search = useSearch({ from: '/shell/desk' });
  const username = me?.user.username ?? '';
  const calls = useOwnCalls(username);
  const phone = usePhone();
  const { calls: all } = useFloor();
  // With nothing chosen the call on the line is what one works on, and for a moment what it was.
  const line = ownCall(all, username, current(phone));
  const chosen: DeskSearch = search.chat || search.ticket || search.call ? search : { call: line?.id };
  const subject = useSubject(chosen, all);
  const key = chosen.chat ? `chat:${chosen.chat}` : chosen.ticket ? `ticket:${chosen.ticket}` : chosen.call ? `call:${chosen.call}` : undefined;

  const [scope, setScope] = useState<{ of: Scope; view: number }>(() => ({ of: remembered('tingxin.desk.scope', scopes, 'mine') as Scope, view: 0 }));
  const [tab, setTab] = useState<Tab>(() => remembered('tingxin.desk.tab', tabs, 'assist') as Tab);
  const [context, setContext] = useState(false);
  const [checking, setChecking] = useState(false);
  const composer = useRef<ComposerHandle>(null);
  const work = useWidth('work');
  const side = useWidth('context');

  const list = useDeskWork(scope.of, scope.view);
  const entries = useMemo(() => entriesOf(calls, list.data?.items ?? []), [calls, list.data]);
  const open = useCallback(
    (to: string) => {
      const kind = to.slice(0, to.indexOf(':'));
      const id = to.slice(to.indexOf(':') + 1);
      void navigate({ to: '/desk', search: kind === 'chat' ? { chat: Number(id) } : kind === 'ticket' ? { ticket: Number(id) } : { call: id } });
    },
    [navigate],
  );
  const close = useCallback(() => void navigate({ to: '/desk', search: {} }), [navigate]);
  useTaken(open);
  const { bell, press } = useBell();
  useNotices(list.data?.items, bell, open);
  const unseen = waiting(list.data?.items ?? []);

  const keys = useMemo(() => entries.map((entry) => entry.key), [entries]);
  const move = useCallback(
    (by: number) => {
      const at = keys.indexOf(key ?? '');
      const next = keys[at < 0 ? 0 : Math.max(0, Math.min(keys.length - 1, at + by))];
      if (next) open(next);
    },
    [keys, key, open],
  );
  const next = useCallback(() => {
    const at = keys.indexOf(key ?? '');
    const to = keys[at + 1] ?? keys.find((one) => one !== key);
    if (to && to !== key) open(to);
    else close();
  }, [keys, key, open, close]);
  const choose = useCallback((name: Tab) => {
    localStorage.setItem('tingxin.desk.tab', name);
    setTab(name);
    setContext(true);
  }, []);
  const onScope = useCallback((of: Scope, view: number) => {
    localStorage.setItem('tingxin.desk.scope', of);
    setScope({ of, view });
  }, []);
  const { move: workWidth } = work;
  const { move: contextWidth } = side;
  useActions(
    useMemo<Action[]>(
      () => [
        { id: 'next', group: 'work', icon: 'down', label: t('desktop.do.next'), code: 'KeyJ', run: () => move(1) },
        { id: 'previous', group: 'work', icon: 'up', label: t('desktop.do.previous'), code: 'KeyK', run: () => move(-1) },
        { id: 'close', group: 'work', icon: 'close', label: t('desktop.do.close'), code: 'Escape', run: close },
        ...scopes.map((of): Action => ({ id: `scope ${of}`, group: 'work', icon: 'inbox', label: t('desktop.do.show', { what: t(`desktop.scope.${of}`) }), run: () => onScope(of, 0) })),
        ...tabs.map((name): Action => ({ id: `tab ${name}`, group: 'context', icon: 'eye', label: t(`desktop.tab.${name}`), run: () => choose(name) })),
        { id: 'work wider', group: 'view', label: t('desktop.do.workWider'), run: () => workWidth(1) },
        { id: 'work narrower', group: 'view', label: t('desktop.do.workNarrower'), run: () => workWidth(-1) },
        { id: 'context wider', group: 'view', label: t('desktop.do.contextWider'), run: () => contextWidth(1) },
        { id: 'context narrower', group: 'view', label: t('desktop.do.contextNarrower'), run: () => contextWidth(-1) },
        { id: 'devices', group: 'phone', icon: 'mic', label: t('desk.devices'), run: () => setChecking(true) },
        { id: 'dial', group: 'phone', icon: 'phone', label: t('desk.dial'), run: () => { choose('phone'); setTimeout(() => document.querySelector<HTMLElement>('.desk-dial input')?.focus(), 50); } },
      ],
      [t, move, close, onScope, choose, workWidth, contextWidth],
    ),
  );

  const insert = useCallback((text: string) => composer.current?.insert(text), []);
  const send = useCallback((text: string) => composer.current?.send(text), []);
  const back = narrow ? close : undefined;
  const talking = chosen.chat !== undefined;
  const bellWords = t(`desktop.bell.${bell}`);
  const workList = (
    <WorkList
      own={username}
      scope={scope.of}
      view={scope.view}
      data={list.data}
      entries={entries}
      error={list.error}
      retry={() => void list.refetch()}
      current={key}
      onOpen={open}
      onScope={onScope}
      bell={
        bell === 'none' ? null : (
          <button type="button" className={`round desk-bell desk-bell-${bell}`} aria-pressed={bell === 'on'} aria-label={bellWords} title={bellWords} onClick={press} disabled={bell === 'refused'}>
            <Icon name="bell" size={17} />
          </button>
        )
      }
    />
  );
  const contextPane = (
    <Context
      subject={subject}
      tab={subject ? tab : 'phone'}
      onTab={choose}
      onInsert={talking ? insert : undefined}
      onSend={talking ? send : undefined}
      onDevices={() => setChecking(true)}
      step={side.step}
      onWidth={side.move}
      onClose={narrow || tight ? () => setContext(false) : undefined}
    />
  );
  const hidden = (narrow || tight) && !context;
  return (
    <div className={`desktop${subject ? ' desktop-open' : ''}${hidden ? ' desktop-bare' : ''}`} style={{ '--work': `${work.width}px`, '--context': `${side.width}px` } as CSSProperties}>
      <Title>{`${unseen > 0 ? `(${unseen}) ` : ''}${t('desk.title')}`}</Title>
      <h1 className="hidden">{t('desk.title')}</h1>
      {!(narrow && subject) && workList}
      <div className="desk-main desk-pane">
        {(narrow || tight) && subject && !context && (
          <button type="button" className="round desk-who" aria-label={t('desktop.context')} title={t('desktop.context')} onClick={() => setContext(true)}>
            <Icon name="contacts" size={18} />
          </button>
        )}
        {chosen.chat ? (
          <section className="inbox-talk inbox" aria-label={t('inbox.talk')}>
            <Suspense fallback={<Waiting rows={6} />}>
              <Talk key={chosen.chat} id={chosen.chat} handle={composer} onBack={back} onNext={next} />
            </Suspense>
          </section>
        ) : chosen.ticket ? (
          <section className="desk-ticket" aria-label={t('ticket.title')}>
            <Suspense fallback={<Waiting rows={6} />}>
              <TicketView key={chosen.ticket} ticketId={String(chosen.ticket)} onBack={close} onNext={next} />
            </Suspense>
          </section>
        ) : chosen.call ? (
          <CallPane key={chosen.call} id={chosen.call} onBack={search.call ? back : undefined} />
        ) : (
          <OwnCalls username={username} />
        )}
      </div>
      {!hidden && contextPane}
      {hidden && !subject && <div className="desk-home-phone"><PhonePanel onDevices={() => setChecking(true)} /></div>}
      {checking && (
        <Suspense>
          <DeviceCheck open onClose={() => setChecking(false)} />
        </Suspense>
      )}
    </div>
  );
}
