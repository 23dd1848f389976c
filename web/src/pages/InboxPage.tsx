import { useInfiniteQuery, useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { App, DatePicker, Dropdown, Input, Modal, Select, Tooltip, type MenuProps } from 'antd';
import dayjs from 'dayjs';
import { useCallback, useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { Problem, problemKey } from '../api/problem';
import { colleagues, session } from '../api/queries';
import { useChannel, useNarrow, useNow } from '../call/hooks';
import { clock, size, useFormat } from '../i18n/format';
import {
  boxes,
  conversation as conversationOf,
  conversations,
  counts as countsOf,
  earlier,
  fileAddress,
  labels as labelsOf,
  merge,
  newest,
  pageSize,
  search as searchOf,
  send,
  upload,
  type Attachment,
  type Box,
  type Conversation,
  type Message,
  type Row,
} from '../inbox/data';
import { CaseMark } from '../feedback/marks';
import { Icon } from '../parts/Icon';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import './inbox.css';

/** slow is after how long an unanswered message counts as late. */
const slow = 100_000;

function Since({ at, late }: { at: string; late?: boolean }) {
  const now = useNow();
  const { t } = useTranslation();
  const ms = Math.max(0, now - Date.parse(at));
  return (
    <span className={late && ms > slow ? 'inbox-late num' : 'inbox-wait num'} title={t('inbox.waiting')}>
      {ms < 3_600_000 ? clock(ms) : t('inbox.hours', { count: Math.floor(ms / 3_600_000) })}
    </span>
  );
}

function ListRow({ row, here, onOpen }: { row: Row; here: boolean; onOpen: () => void }) {
  const { t } = useTranslation();
  const { time, day } = useFormat();
  const today = new Date(row.last_at).toDateString() === new Date().toDateString();
  return (
    <li>
      <button type="button" className={`inbox-row${here ? ' inbox-here' : ''}${row.unread ? ' inbox-unread' : ''}`} aria-current={here || undefined} onClick={onOpen}>
        <span className="inbox-row-head">
          <span className="inbox-name">{(row.name ?? '') || t('inbox.visitor', { id: row.id })}</span>
          {row.waiting_since ? <Since at={row.waiting_since} late /> : <span className="muted num">{today ? time(row.last_at).slice(0, 5) : day(row.last_at)}</span>}
        </span>
        <span className="inbox-last">{(row.last_text ?? '') || t('inbox.noText')}</span>
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

function Boxes({ box, onBox }: { box: Box; onBox: (box: Box) => void }) {
  const { t } = useTranslation();
  const { data } = useQuery(countsOf);
  const count: Partial<Record<Box, number>> = data ? { mine: data.mine, unassigned: data.unassigned, mentions: data.mentions, open: data.open } : {};
  return (
    <div className="inbox-boxes" role="tablist" aria-label={t('inbox.boxes')}>
      {boxes.map((name) => (
        <button key={name} type="button" role="tab" aria-selected={box === name} className={box === name ? 'chip inbox-chip-here' : 'chip'} onClick={() => onBox(name)}>
          {t(`inbox.box.${name}`)}
          {(count[name] ?? 0) > 0 && <span className="num">{count[name]}</span>}
        </button>
      ))}
    </div>
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

function ConversationList({ id, box, onOpen, onBox }: { id?: number; box: Box; onOpen: (id: number) => void; onBox: (box: Box) => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [q, setQ] = useState('');
  const list = useInfiniteQuery(conversations(box));
  const news = useCallback(() => void client.invalidateQueries({ queryKey: ['conversations'] }), [client]);
  useChannel('chats', news);
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section className="inbox-list" aria-label={t('inbox.list')}>
      <Input.Search placeholder={t('inbox.search')} aria-label={t('inbox.search')} allowClear onSearch={setQ} maxLength={200} />
      {q.trim() !== '' ? (
        <Found q={q} onOpen={onOpen} />
      ) : (
        <>
          <Boxes box={box} onBox={onBox} />
          {list.error ? (
            <Failed error={list.error} retry={() => void list.refetch()} />
          ) : list.isPending ? (
            <Waiting />
          ) : rows.length === 0 ? (
            <Empty icon="inbox" title={t('inbox.empty')} hint={t('inbox.emptyHint')} />
          ) : (
            <ul className="inbox-rows">
              {rows.map((row) => (
                <ListRow key={row.id} row={row} here={row.id === id} onOpen={() => onOpen(row.id)} />
              ))}
              {list.hasNextPage && (
                <li>
                  <button type="button" className="chip" onClick={() => void list.fetchNextPage()}>
                    {t('inbox.more')}
                  </button>
                </li>
              )}
            </ul>
          )}
        </>
      )}
    </section>
  );
}

function Files({ message }: { message: Message }) {
  return (
    <span className="inbox-files">
      {(message.files ?? []).map((file) => (
        <a key={file.id} href={fileAddress(message.thread, file)} target="_blank" rel="noreferrer" download={file.media_type.startsWith('image/') ? undefined : file.name}>
          {file.thumb ? <img src={fileAddress(message.thread, file, true)} alt={file.name} loading="lazy" /> : <Icon name="download" size={16} />}
          <span>
            {file.name} <small className="muted">{size(file.bytes)}</small>
          </span>
        </a>
      ))}
    </span>
  );
}

interface Extra {
  event?: string;
  with?: Record<string, string>;
  choices?: { id: string; label: string }[];
  score?: number;
  chips?: string[];
  purpose?: string;
  granted?: boolean;
}

function useEventWords() {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const people = useQuery(colleagues).data ?? [];
  return (message: Message): string => {
    const extra = (message.data ?? {}) as Extra;
    const user = people.find((p) => p.id === extra.with?.user);
    const who = (message.author.name ?? '') || t(`inbox.author.${message.author.kind}`);
    return t(`inbox.event.${extra.event ?? 'other'}`, {
      defaultValue: t('inbox.event.other', { what: extra.event }),
      who,
      user: user ? user.name || user.username : t('inbox.nobody'),
      queue: extra.with?.queue,
      until: extra.with?.until && dateTime(extra.with.until),
      id: extra.with?.into ?? extra.with?.from,
    });
  };
}

function Bubble({ message, onResend }: { message: Message; onResend: (id: number) => void }) {
  const { t } = useTranslation();
  const { time } = useFormat();
  const eventWords = useEventWords();
  const extra = (message.data ?? {}) as Extra;
  if (message.kind === 'event') return <li className="inbox-event">{eventWords(message)}</li>;
  if (message.kind === 'consent') return <li className="inbox-event">{t(extra.granted ? 'inbox.consented' : 'inbox.refused', { purpose: extra.purpose })}</li>;
  if (message.kind === 'rating')
    return (
      <li className="inbox-event">
        {t('inbox.rated', { score: extra.score })} {(extra.chips ?? []).join(', ')} {message.text}
      </li>
    );
  const side = message.kind === 'note' ? 'note' : message.direction === 'in' ? 'in' : 'out';
  const author = (message.author.name ?? '') || t(`inbox.author.${message.author.kind}`);
  return (
    <li className={`inbox-bubble inbox-${side}${message.author.kind === 'bot' ? ' inbox-bot' : ''}`}>
      <span className="inbox-by">
        {side === 'note' && <Icon name="lock" size={13} />}
        {side === 'note' ? t('inbox.noteBy', { who: author }) : author}
        {message.kind === 'complaint' && <strong className="inbox-bad">{t('inbox.complaint')}</strong>}
        <time className="num" dateTime={message.at}>
          {time(message.at).slice(0, 5)}
        </time>
      </span>
      {message.text && <span className="inbox-text">{message.text}</span>}
      {(message.files ?? []).length > 0 && <Files message={message} />}
      {(extra.choices ?? []).length > 0 && <span className="inbox-choices">{extra.choices?.map((c) => <span key={c.id}>{c.label}</span>)}</span>}
      {side === 'out' && message.state !== 'sent' && message.state !== 'stored' && (
        <span className={message.state === 'failed' || message.state === 'unknown' ? 'inbox-state inbox-bad' : 'inbox-state'}>
          {t(`inbox.state.${message.state}`)}
          {(message.state === 'failed' || message.state === 'unknown') && (
            <button type="button" onClick={() => onResend(message.id)}>
              {t('inbox.resend')}
            </button>
          )}
        </span>
      )}
    </li>
  );
}

/** useThread keeps a thread up to date: the feed only says that there is news, the rows say what. */
function useThread(id: number) {
  const [messages, setMessages] = useState<Message[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [top, setTop] = useState(false);
  const held = useRef<Message[]>([]);
  const busy = useRef(false);
  const again = useRef(false);
  const sync = useCallback(async () => {
    if (busy.current) {
      again.current = true;
      return;
    }
    busy.current = true;
    try {
      for (let asked = true; asked; asked = again.current) {
        again.current = false;
        const begun = held.current.length === 0;
        const all = await newest(id, held.current);
        held.current = all;
        setMessages(all);
        setError(null);
        if (begun) setTop(all.length < pageSize);
      }
    } catch (failed) {
      setError(failed);
    } finally {
      busy.current = false;
    }
  }, [id]);
  const more = useCallback(async () => {
    const first = held.current[0]?.id;
    if (first === undefined) return;
    try {
      const before = await earlier(id, first);
      held.current = merge(before, held.current);
      setMessages(held.current);
      setTop(before.length < pageSize);
    } catch (failed) {
      setError(failed);
    }
  }, [id]);
  return { messages, error, top, sync, more };
}

function Composer({ view, seen, onSent }: { view: Conversation; seen: number; onSent: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const people = useQuery(colleagues).data ?? [];
  const [text, setText] = useState(view.draft?.text ?? '');
  const [note, setNote] = useState(view.draft?.note ?? false);
  const [files, setFiles] = useState<Attachment[]>([]);
  const begun = useRef(view.draft?.seen ?? 0);
  const key = useRef(crypto.randomUUID());
  const picker = useRef<HTMLInputElement>(null);
  const closed = view.state === 'closed' && !note;

  // What was begun is kept on the server a moment after the last key.
  const saved = useRef(text);
  useEffect(() => {
    if (saved.current === text) return undefined;
    const timer = setTimeout(() => {
      saved.current = text;
      void request(`/conversations/${view.id}/draft`, { method: 'PUT', body: { text, note, seen: begun.current } }).catch(() => undefined);
    }, 1200);
    return () => clearTimeout(timer);
  }, [text, note, view.id]);

  const typed = useRef(0);
  const change = (value: string) => {
    if (text === '' && value !== '') begun.current = seen;
    setText(value);
    if (!note && Date.now() - typed.current > 4000) {
      typed.current = Date.now();
      void request(`/conversations/${view.id}/presence`, { method: 'POST', body: { on: true, typing: true } }).catch(() => undefined);
    }
  };

  const sending = useMutation({
    mutationFn: () => {
      const mentions = note ? people.filter((p) => text.includes(`@${p.username}`)).map((p) => Number(p.id)) : [];
      return send(view.id, { text, note, files: files.map((f) => f.id), seen: note ? 0 : begun.current || seen, client_id: key.current, mentions });
    },
    onSuccess: () => {
      saved.current = '';
      setText('');
      setFiles([]);
      begun.current = 0;
      key.current = crypto.randomUUID();
      void request(`/conversations/${view.id}/draft`, { method: 'PUT', body: { text: '' } }).catch(() => undefined);
      onSent();
    },
    onError: (error) => {
      if (error instanceof Problem && error.status === 409) {
        begun.current = seen; // it is shown above by now: the next try is on purpose
        onSent();
        void message.warning(t('inbox.newer'), 6);
      } else void message.error(t(problemKey(error)));
    },
  });
  const adding = useMutation({
    mutationFn: (file: File) => upload(view.id, file),
    onSuccess: (file) => setFiles((all) => [...all, file]),
    onError: (error) => void message.error(error instanceof Problem && error.status === 415 ? t('inbox.badType') : t(problemKey(error))),
  });
  const ready = (text.trim() !== '' || files.length > 0) && !sending.isPending && !adding.isPending && !closed;
  const onKey = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.ctrlKey || event.metaKey) {
      if (event.code === 'Enter' && ready) {
        event.preventDefault();
        sending.mutate();
      } else if (event.code === 'Period' && event.shiftKey) {
        event.preventDefault();
        setNote((on) => !on);
      }
    }
  };
  return (
    <form
      className={note ? 'inbox-composer inbox-composing-note' : 'inbox-composer'}
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) sending.mutate();
      }}
    >
      <div className="inbox-tabs" role="tablist" aria-label={t('inbox.compose')}>
        <button type="button" role="tab" aria-selected={!note} onClick={() => setNote(false)}>
          {t('inbox.reply')}
        </button>
        <button type="button" role="tab" aria-selected={note} onClick={() => setNote(true)}>
          <Icon name="lock" size={14} /> {t('inbox.note')}
        </button>
        {view.window && (
          <span className="muted num">
            {view.window.left >= 0 ? t('inbox.window', { count: view.window.left, until: dayjs(view.window.expires_at).format('HH:mm') }) : t('inbox.windowUntil', { until: dayjs(view.window.expires_at).format('HH:mm') })}
          </span>
        )}
      </div>
      <textarea
        value={text}
        rows={3}
        maxLength={20000}
        disabled={closed}
        placeholder={closed ? t('inbox.closedHint') : note ? t('inbox.noteHint') : t('inbox.replyHint')}
        aria-label={note ? t('inbox.note') : t('inbox.reply')}
        onChange={(event) => change(event.target.value)}
        onKeyDown={onKey}
      />
      {files.length > 0 && (
        <ul className="inbox-chosen">
          {files.map((file) => (
            <li key={file.id}>
              {file.name} <small className="muted">{size(file.bytes)}</small>
              <button type="button" aria-label={t('inbox.removeFile', { name: file.name })} onClick={() => setFiles((all) => all.filter((f) => f.id !== file.id))}>
                <Icon name="close" size={14} />
              </button>
            </li>
          ))}
        </ul>
      )}
      <div className="inbox-send">
        <input
          ref={picker}
          type="file"
          hidden
          onChange={(event) => {
            const file = event.target.files?.[0];
            if (file) adding.mutate(file);
            event.target.value = '';
          }}
        />
        <button type="button" className="round" disabled={closed || adding.isPending || files.length >= 10} aria-label={t('inbox.attach')} title={t('inbox.attach')} onClick={() => picker.current?.click()}>
          <Icon name="clip" size={18} />
        </button>
        <span className="muted inbox-keys">{t('inbox.keys')}</span>
        <button type="submit" className={note ? 'inbox-go inbox-go-note' : 'inbox-go'} disabled={!ready}>
          {note ? t('inbox.writeNote') : t('inbox.send')}
        </button>
      </div>
    </form>
  );
}

/** useDeed does something to a conversation and says when it went wrong. */
function useDeed(id: number) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ path, body, method = 'POST' }: { path: string; body?: unknown; method?: 'POST' | 'PUT' }) => request(`/conversations/${id}${path}`, { method, body }),
    onSuccess: () => Promise.all([client.invalidateQueries({ queryKey: ['conversation', id] }), client.invalidateQueries({ queryKey: ['conversations'] })]),
    onError: (error) => void message.error(t(problemKey(error))),
  });
}

function SnoozeBox({ open, onClose, onChoose }: { open: boolean; onClose: () => void; onChoose: (until: string) => void }) {
  const { t } = useTranslation();
  const [at, setAt] = useState(() => dayjs().add(1, 'day').hour(9).minute(0).second(0));
  return (
    <Modal open={open} title={t('inbox.snoozeUntil')} okText={t('inbox.snooze')} cancelText={t('inbox.cancel')} onCancel={onClose} onOk={() => onChoose(at.toISOString())} okButtonProps={{ disabled: !at.isAfter(dayjs()) }}>
      <DatePicker showTime={{ format: 'HH:mm' }} format="YYYY-MM-DD HH:mm" value={at} allowClear={false} onChange={(value) => value && setAt(value)} style={{ width: '100%' }} />
    </Modal>
  );
}

function Head({ view, onBack }: { view: Conversation; onBack?: () => void }) {
  const { t } = useTranslation();
  const { data: me } = useSuspenseQuery(session);
  const people = useQuery(colleagues).data ?? [];
  const known = useQuery(labelsOf).data ?? [];
  const deed = useDeed(view.id);
  const [snoozing, setSnoozing] = useState(false);
  const mine = me ? Number(me.user.id) : 0;
  const items: MenuProps['items'] = [
    ...(view.assignee === mine ? [] : [{ key: 'me', label: t('inbox.assignMe'), onClick: () => deed.mutate({ path: '/assign', body: { user: mine } }) }]),
    ...people.filter((p) => Number(p.id) !== mine).map((p) => ({ key: p.id, label: p.name || p.username, onClick: () => deed.mutate({ path: '/assign', body: { user: Number(p.id) } }) })),
    ...(view.assignee ? [{ type: 'divider' as const }, { key: 'nobody', label: t('inbox.assignNobody'), onClick: () => deed.mutate({ path: '/assign', body: { user: 0 } }) }] : []),
  ];
  const open = view.state === 'open' || view.state === 'snoozed';
  return (
    <header className="inbox-head">
      {onBack && (
        <button type="button" className="round" aria-label={t('inbox.back')} onClick={onBack}>
          <Icon name="back" />
        </button>
      )}
      <div className="inbox-title">
        <h1>{(view.name ?? '') || t('inbox.visitor', { id: view.id })}</h1>
        <span className="muted">
          {t(`inbox.channel.${view.channel}`, { defaultValue: view.channel })} · {t(`inbox.stateOf.${view.state}`)}
          {view.page && ` · ${view.page}`}
        </span>
        <CaseMark reason={`conversation:${view.id}`} />
      </div>
      <div className="inbox-deeds">
        <Select
          mode="multiple"
          className="inbox-labels"
          size="small"
          variant="borderless"
          placeholder={t('inbox.labels')}
          aria-label={t('inbox.labels')}
          value={view.labels}
          options={known.map((l) => ({ value: l.name, label: l.name }))}
          onChange={(labels: string[]) => deed.mutate({ path: '/labels', method: 'PUT', body: { labels } })}
          disabled={known.length === 0}
        />
        {open && (
          <Dropdown trigger={['click']} menu={{ items, className: 'inbox-people' }}>
            <button type="button" className="chip">
              <Icon name="user" size={15} />
              {view.assignee ? view.assignee_name : t('inbox.assign')}
            </button>
          </Dropdown>
        )}
        {open && (
          <Tooltip title={t('inbox.snooze')}>
            <button type="button" className="round" aria-label={t('inbox.snooze')} onClick={() => setSnoozing(true)}>
              <Icon name="pause" size={18} />
            </button>
          </Tooltip>
        )}
        <button type="button" className="chip inbox-close" disabled={deed.isPending} onClick={() => deed.mutate({ path: open ? '/close' : '/reopen' })}>
          {open ? t('inbox.close') : t('inbox.reopen')}
        </button>
      </div>
      <SnoozeBox
        open={snoozing}
        onClose={() => setSnoozing(false)}
        onChoose={(until) => {
          setSnoozing(false);
          deed.mutate({ path: '/snooze', body: { until } });
        }}
      />
    </header>
  );
}

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

function Talk({ id, onBack }: { id: number; onBack?: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data: me } = useSuspenseQuery(session);
  const view = useQuery(conversationOf(id));
  const { messages, error, top, sync, more } = useThread(id);
  const { message } = App.useApp();
  const end = useRef<HTMLDivElement>(null);
  const news = useCallback(() => {
    void sync();
    void client.invalidateQueries({ queryKey: ['conversation', id] });
  }, [client, id, sync]);
  useChannel(`chat:${id}`, news);

  // I am here; said every ten seconds while the page is in sight.
  useEffect(() => {
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
  }, [id]);

  const last = messages?.at(-1)?.id ?? 0;
  useEffect(() => {
    end.current?.scrollIntoView({ block: 'end' });
    if (last > 0 && !document.hidden) {
      void request(`/conversations/${id}/read`, { method: 'POST', body: { message: last } })
        .then(() => client.invalidateQueries({ queryKey: ['conversations'] }))
        .catch(() => undefined);
    }
  }, [id, last, client]);
  const resend = useMutation({
    mutationFn: (m: number) => request(`/messages/${m}/resend`, { method: 'POST' }),
    onError: (failed) => void message.error(t(problemKey(failed))),
  });

  const failed = view.error ?? error;
  if (failed) return <Failed error={failed} retry={() => void Promise.all([view.refetch(), sync()])} />;
  if (!view.data || !messages) return <Waiting />;
  return (
    <>
      <Head view={view.data} onBack={onBack} />
      <div className="inbox-thread" tabIndex={0} role="log" aria-label={t('inbox.thread')}>
        {!top && messages.length > 0 && (
          <button type="button" className="chip inbox-earlier" onClick={() => void more()}>
            {t('inbox.earlier')}
          </button>
        )}
        <ol>
          {messages.map((m) => (
            <Bubble key={m.id} message={m} onResend={(n) => resend.mutate(n)} />
          ))}
        </ol>
        <div ref={end} />
      </div>
      <Present view={view.data} mine={me ? Number(me.user.id) : 0} />
      {view.data.state === 'merged' ? <p className="inbox-event">{t('inbox.mergedInto', { id: view.data.merged_into })}</p> : <Composer key={id} view={view.data} seen={last} onSent={() => void sync()} />}
    </>
  );
}

function Side({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <section className="inbox-talk" aria-label={t('inbox.talk')}>
      {children}
    </section>
  );
}

export function InboxPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const narrow = useNarrow();
  const { conversation } = useParams({ strict: false });
  const { box = 'open' } = useSearch({ strict: false });
  const id = Number(conversation) > 0 ? Number(conversation) : undefined;
  const open = (n: number) => void navigate({ to: '/inbox/$conversation', params: { conversation: String(n) }, search: { box: box } });
  const list = <ConversationList id={id} box={box} onOpen={open} onBox={(name) => void navigate({ to: '/inbox', search: { box: name } })} />;
  const talk = (
    <Side>
      {id ? <Talk key={id} id={id} onBack={narrow ? () => void navigate({ to: '/inbox', search: { box: box } }) : undefined} /> : <Empty icon="inbox" title={t('inbox.choose')} hint={t('inbox.chooseHint')} />}
    </Side>
  );
  return (
    <div className="inbox">
      <Title>{t('nav.inbox')}</Title>
      {narrow ? (id ? talk : list) : list}
      {!narrow && talk}
    </div>
  );
}
