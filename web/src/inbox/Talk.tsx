import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Fragment, lazy, Suspense, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { lost, problemKey } from '../api/problem';
import { session } from '../api/queries';
import { useChannel } from '../call/hooks';
import { useSelected } from '../desk/selection';
import { useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { useActions, type Action } from '../shell/actions';
import { works } from '../shell/roles';
import { Bubble } from './Bubble';
import { Composer, type ComposerHandle } from './Composer';
import { conversation as conversationOf, type Conversation } from './data';
import { useOutbox } from './hooks';
import type { Letter } from './outbox';
import { TalkHead } from './TalkHead';
import { TalkRibbon } from './TalkRibbon';
import { beginsDay, foldable, useThread } from './thread';
import './inbox.css';

const TicketBox = lazy(() => import('../desk/TicketBox'));

function Present({ view, mine }: { view: Conversation; mine: number }) {
  const { t } = useTranslation();
  const others = view.viewers.filter((v) => v.user !== mine);
  if (others.length === 0) return null;
  return (
    <p className="inbox-present" role="status">
      {others.map((v) => (
        <span key={v.user}>{t(v.typing ? 'inbox.isTyping' : 'inbox.isHere', { who: v.name })}</span>
      ))}
    </p>
  );
}

/** Unsent is a letter that the server has not got yet. */
function Unsent({ letter, seen, onBack }: { letter: Letter; seen: number; onBack: (letter: Letter) => void }) {
  const { t } = useTranslation();
  const { box } = useOutbox();
  const back = () => {
    const taken = box?.take(letter.id);
    if (taken) onBack(taken);
  };
  const trouble = letter.state === 'newer' || letter.state === 'window' || letter.state === 'private' || letter.state === 'failed';
  return (
    <li className={`inbox-bubble inbox-out inbox-unsent${trouble ? ' inbox-trouble' : ''}`} data-letter={letter.state}>
      <span className="inbox-text" dir="auto">{letter.reply.text}</span>
      {letter.files.length > 0 && <span className="muted">{letter.files.map((file) => file.name).join(', ')}</span>}
      <span className={trouble ? 'inbox-state inbox-bad' : 'inbox-state'} role={trouble ? 'alert' : 'status'}>
        {letter.state === 'private' ? t('desktop.private', { values: (letter.values ?? []).join(', ') }) : t(`desktop.letter.${letter.state}`)}
        {letter.state !== 'sending' && (
          <>
            <button type="button" onClick={() => box?.now(letter.id, seen)}>
              {t(trouble ? 'desktop.sendAnyway' : 'desktop.sendNow')}
            </button>
            <button type="button" onClick={back}>
              {t(letter.state === 'held' ? 'desktop.undo' : 'desktop.goBack')}
            </button>
          </>
        )}
      </span>
    </li>
  );
}

interface Props {
  id: number;
  handle: RefObject<ComposerHandle | null>;
  onBack?: () => void;
  onNext?: () => void;
}

/** useSeen tells the server that one is here, and how far one has read; not of those who read only. */
function useSeen(id: number, last: number, working: boolean) {
  const client = useQueryClient();
  useEffect(() => {
    if (!working) return;
    const say = (on: boolean) => request(`/conversations/${id}/presence`, { method: 'POST', body: { on } }).catch(() => undefined);
    const tick = () => {
      if (!document.hidden) void say(true);
    };
    tick();
    const timer = setInterval(tick, 10_000);
    return () => {
      clearInterval(timer);
      void say(false);
    };
  }, [id, working]);
  useEffect(() => {
    const read = () => {
      if (!working || last === 0 || document.hidden) return;
      document.removeEventListener('visibilitychange', read);
      void request(`/conversations/${id}/read`, { method: 'POST', body: { message: last } })
        .then(() => Promise.all([client.invalidateQueries({ queryKey: ['conversations'] }), client.invalidateQueries({ queryKey: ['desk'] })]))
        .catch(() => undefined);
    };
    read();
    document.addEventListener('visibilitychange', read);
    return () => document.removeEventListener('visibilitychange', read);
  }, [id, last, working, client]);
}

/** Talk is one conversation: what was said, and the composer. */
export function Talk({ id, handle, onBack, onNext }: Props) {
  const { t } = useTranslation();
  const { day } = useFormat();
  const client = useQueryClient();
  const message = useMessage();
  const { data: me } = useSuspenseQuery(session);
  const view = useQuery(conversationOf(id));
  const { messages, error, top, sync, more } = useThread(id);
  const { letters } = useOutbox();
  const [unfolded, setUnfolded] = useState(false);
  const [making, setMaking] = useState<string | null>(null);
  const [picked, setPicked] = useState<ReadonlySet<number> | null>(null);
  const scroll = useRef<HTMLDivElement>(null);
  const bottom = useRef(true);
  const own = useMemo(() => letters.filter((letter) => letter.conversation === id), [letters, id]);
  const news = useCallback(() => {
    void sync();
    void client.invalidateQueries({ queryKey: ['conversation', id] });
  }, [client, id, sync]);
  useChannel(`chat:${id}`, news);
  // The rows are asked for at once, not with the first news of the feed.
  useEffect(() => void sync(), [sync]);
  // What left the box is in the rows now.
  const waiting = own.length;
  useEffect(() => void sync(), [waiting, sync]);

  const last = messages?.at(-1)?.id ?? 0;
  const working = works(me?.user.role);
  useSeen(id, last, working);
  const there = messages !== null;
  useLayoutEffect(() => {
    const element = scroll.current;
    if (element && bottom.current) element.scrollTop = element.scrollHeight;
  }, [last, waiting, there, unfolded]);
  // Another width makes another height: whoever was at the end stays there.
  useEffect(() => {
    const element = scroll.current;
    const lines = element?.querySelector('ol');
    if (!element || !lines) return;
    const observer = new ResizeObserver(() => {
      if (bottom.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    observer.observe(lines);
    return () => observer.disconnect();
  }, [there]);
  const goTo = (m: number) => {
    setUnfolded(true);
    requestAnimationFrame(() => document.getElementById(`message-${m}`)?.scrollIntoView({ block: 'center', behavior: 'smooth' }));
  };
  const resend = useMutation({
    mutationFn: (m: number) => request(`/messages/${m}/resend`, { method: 'POST' }),
    onError: (failed) => void message.error(t(problemKey(failed))),
  });
  const split = useMutation({
    mutationFn: (chosen: number[]) => request<{ conversation: number }>(`/conversations/${id}/split`, { method: 'POST', body: { messages: chosen } }),
    onSuccess: async ({ conversation }) => {
      setPicked(null);
      void message.success(t('desktop.splitDone', { id: conversation }));
      await Promise.all([sync(), client.invalidateQueries({ queryKey: ['conversation', id] }), client.invalidateQueries({ queryKey: ['conversations'] }), client.invalidateQueries({ queryKey: ['desk'] })]);
    },
    onError: (failed) => void message.error(t(problemKey(failed))),
  });
  const selected = useSelected(scroll);
  const ticket = useCallback(() => setMaking(window.getSelection()?.toString() ?? ''), []);
  const startSplit = useCallback(() => setPicked(new Set()), []);
  useActions(
    useMemo<Action[]>(
      () => [
        { id: 'earlier', group: 'view', icon: 'up', label: t('inbox.earlier'), run: () => void more() },
        { id: 'newest', group: 'view', icon: 'down', label: t('live.newest'), run: () => scroll.current?.scrollTo({ top: scroll.current.scrollHeight }) },
      ],
      [t, more],
    ),
  );

  const failed = lost(view.error, view.data) ?? lost(error, messages);
  if (failed) return <Failed error={failed} retry={() => void Promise.all([view.refetch(), sync()])} />;
  if (!view.data || !messages) return <Waiting />;
  const fold = foldable(messages, view.data.handler);
  const shown = fold > 0 && !unfolded ? messages.slice(fold) : messages;
  return (
    <>
      <TalkHead view={view.data} onBack={onBack} onNext={onNext} onTicket={ticket} onSplit={startSplit} />
      <TalkRibbon id={id} go={goTo} />
      <div
        className="inbox-thread"
        tabIndex={0}
        role="log"
        aria-label={t('inbox.thread')}
        ref={scroll}
        onScroll={(event) => {
          const el = event.currentTarget;
          bottom.current = el.scrollHeight - el.scrollTop - el.clientHeight < 80;
        }}
      >
        {!top && messages.length > 0 && (
          <button type="button" className="chip inbox-earlier" onClick={() => void more()}>
            {t('inbox.earlier')}
          </button>
        )}
        {fold > 0 && (
          <button type="button" className="bot-fold" aria-expanded={unfolded} onClick={() => setUnfolded(!unfolded)}>
            <Icon name="bot" size={16} />
            {t('desktop.botPart', { count: fold })}
            <Icon name={unfolded ? 'up' : 'down'} size={14} />
          </button>
        )}
        <ol>
          {shown.map((m, i) => (
            <Fragment key={m.id}>
            {beginsDay(m, shown[i - 1]) && <li className="inbox-event inbox-day">{day(m.at)}</li>}
            {picked && m.kind !== 'event' ? (
              <li className="pick-line">
                <input
                  type="checkbox"
                  aria-label={m.text || t('inbox.noText')}
                  checked={picked.has(m.id)}
                  onChange={(event) => setPicked(new Set(event.target.checked ? [...picked, m.id] : [...picked].filter((one) => one !== m.id)))}
                />
                <ol>
                  <Bubble message={m} onResend={(n) => resend.mutate(n)} />
                </ol>
              </li>
            ) : (
              <Bubble message={m} onResend={(n) => resend.mutate(n)} />
            )}
            </Fragment>
          ))}
          {own.map((letter) => (
            <Unsent key={letter.id} letter={letter} seen={last} onBack={(back) => handle.current?.restore(back.reply.text, back.files)} />
          ))}
        </ol>
        {working && selected && (
          <div className="selection-bar" role="toolbar" aria-label={t('desktop.selection')} style={{ top: selected.top, left: selected.left }} onMouseDown={(event) => event.preventDefault()}>
            <button type="button" onClick={() => setMaking(selected.text)}>
              <Icon name="ticket" size={15} />
              {t('desktop.toTicket')}
            </button>
            <button type="button" onClick={() => handle.current?.note(`> ${selected.text.replaceAll('\n', '\n> ')}\n`)}>
              <Icon name="lock" size={15} />
              {t('desktop.toNote')}
            </button>
            <button type="button" onClick={() => handle.current?.insert(selected.text)}>
              <Icon name="words" size={15} />
              {t('desktop.toReply')}
            </button>
          </div>
        )}
      </div>
      {picked && (
        <div className="split-bar">
          <span>{t('desktop.splitHint', { count: picked.size })}</span>
          <button type="button" className="chip" disabled={picked.size === 0 || split.isPending} onClick={() => split.mutate([...picked])}>
            {t('desktop.split')}
          </button>
          <button type="button" className="chip" onClick={() => setPicked(null)}>
            {t('inbox.cancel')}
          </button>
        </div>
      )}
      <Present view={view.data} mine={me ? Number(me.user.id) : 0} />
      {view.data.state === 'merged' ? <p className="inbox-event">{t('inbox.mergedInto', { id: view.data.merged_into })}</p> : working && <Composer key={id} view={view.data} seen={last} onSent={() => void sync()} handle={handle} />}
      {making !== null && <Suspense><TicketBox text={making} contact={view.data.contact_id} source="conversation" of={String(id)} name={(view.data.name ?? '') || t('inbox.visitor', { id })} onClose={() => setMaking(null)} /></Suspense>}
    </>
  );
}
