import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Dropdown } from 'antd';
import dayjs from 'dayjs';
import { lazy, Suspense, useEffect, useEffectEvent, useImperativeHandle, useMemo, useRef, useState, type ClipboardEvent, type DragEvent, type KeyboardEvent, type Ref } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { Problem, problemKey } from '../api/problem';
import { colleagues, session } from '../api/queries';
import { slashQuery, withSnippet } from '../assist/data';
import { useNow } from '../call/hooks';
import { size, useFormat } from '../i18n/format';
import { draftOf, keepDraft } from '../parts/draft';
import { Icon } from '../parts/Icon';
import { useMessage } from '../parts/messages';
import { useActions, type Action } from '../shell/actions';
import { conversation as conversationOf, send, upload, type Attachment, type Conversation } from './data';
import { useDeed, useOutbox } from './hooks';
import { mentionAt, mentioned, moments } from './moments';
import { filesOf } from './paste';
import { privateIn, undoTime } from './outbox';

const WhenBox = lazy(() => import('./When'));
const SnippetPicker = lazy(() => import('../assist/SnippetPicker').then((picker) => ({ default: picker.SnippetPicker })));

/** ComposerHandle is how the rest of the page writes into the reply. */
export interface ComposerHandle {
  insert: (text: string) => void;
  send: (text: string) => void;
  focus: (note: boolean) => void;
  note: (text: string) => void;
  /** What came back unsent. */
  restore: (text: string, files: Attachment[]) => void;
}

/** Mentions are the colleagues whose name is being written behind an @. */
function Mentions({ text, caret, chosen, onPick }: { text: string; caret: number; chosen: number; onPick: (username: string, from: number) => void }) {
  const { t } = useTranslation();
  const found = useMentions(text, caret);
  if (!found) return null;
  return (
    <ul className="composer-mentions" role="listbox" id="composer-mentions" aria-label={t('desktop.mention')}>
      {found.people.map((p, i) => (
        <li key={p.id} id={`mention-${i}`} role="option" aria-selected={i === chosen % found.people.length}>
          <button
            type="button"
            tabIndex={-1}
            onMouseDown={(event) => {
              event.preventDefault();
              onPick(p.username, found.from);
            }}
          >
            <strong>{p.name || p.username}</strong> <span className="muted">@{p.username}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function useMentions(text: string, caret: number) {
  const people = useQuery(colleagues).data;
  return useMemo(() => {
    const at = mentionAt(text, caret);
    if (!at) return null;
    const found = (people ?? []).filter((p) => p.username.toLowerCase().includes(at.typed) || p.name.toLowerCase().includes(at.typed)).slice(0, 6);
    return found.length > 0 ? { people: found, from: at.from } : null;
  }, [people, text, caret]);
}

/** WindowLeft is what the channel still takes: how many replies, and how long. */
function WindowLeft({ view }: { view: Conversation }) {
  const { t } = useTranslation();
  const now = useNow(!!view.window);
  if (!view.window) return null;
  const minutes = Math.max(0, Math.round((Date.parse(view.window.expires_at) - now) / 60_000));
  const time = minutes < 120 ? t('desktop.minutes', { count: minutes }) : t('desktop.hours', { count: Math.round(minutes / 60) });
  const short = minutes < 10 || view.window.left === 1;
  return (
    <span className={short ? 'composer-window composer-window-short num' : 'composer-window muted num'} title={dayjs(view.window.expires_at).format('YYYY-MM-DD HH:mm')}>
      {view.window.left >= 0 ? t('desktop.windowLeft', { count: view.window.left, time }) : t('desktop.windowTime', { time })}
    </span>
  );
}

/** Planned are the replies that are sent later. */
function Planned({ view }: { view: Conversation }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const deed = useDeed(view.id);
  if (view.scheduled.length === 0) return null;
  return (
    <ul className="composer-planned" aria-label={t('desktop.planned')}>
      {view.scheduled.map((one) => (
        <li key={one.id}>
          <Icon name={one.state === 'failed' ? 'gap' : 'rewind'} size={14} />
          <span className="num muted">{dateTime(one.at)}</span>
          <span className="composer-planned-text">{one.text}</span>
          {one.state === 'failed' && <strong className="inbox-bad">{t(`desktop.plannedFailed.${one.reason ?? 'bad'}`, t('inbox.state.failed'))}</strong>}
          <button type="button" className="text-button" onClick={() => deed.mutate({ path: `/scheduled/${one.id}`, method: 'DELETE' })}>
            {t('desktop.unplan')}
          </button>
        </li>
      ))}
    </ul>
  );
}

/** How a text leaves: now, or `at` a time; closing the conversation behind it. */
interface Way {
  at?: string;
  close?: boolean;
}

/** What was begun, as the server and the browser keep it. */
interface Begun {
  text: string;
  note: boolean;
  seen: number;
}

/** stampOf tells one state of a draft from another; an empty one is neither reply nor note. */
const stampOf = (text: string, note: boolean): string => text && `${note ? 'note' : 'reply'} ${text}`;

/** mostFiles is what one message carries. */
const mostFiles = 10;

interface Props {
  view: Conversation;
  seen: number;
  onSent: () => void;
  handle: Ref<ComposerHandle>;
}

/** Composer writes a reply or a note; what was begun is kept on the server. */
export function Composer({ view, seen, onSent, handle }: Props) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const { box } = useOutbox();
  const people = useQuery(colleagues).data ?? [];
  const me = useSuspenseQuery(session).data?.user.id ?? '';
  // What did not get to the server is newer than what it has.
  const [draft] = useState(() => draftOf<Begun>(me, `chat.${view.id}`) ?? view.draft);
  const [text, setText] = useState(draft?.text ?? '');
  const [note, setNote] = useState(draft?.note ?? false);
  const [files, setFiles] = useState<Attachment[]>(() => draftOf(me, `files.${view.id}`) ?? []);
  useEffect(() => keepDraft(me, `files.${view.id}`, files.length > 0 ? files : undefined), [me, view.id, files]);
  const [guard, setGuard] = useState<{ body: string; values: string[]; way: Way } | null>(null);
  const [caret, setCaret] = useState(-1);
  const [chosen, setChosen] = useState(0);
  const [snippet, setSnippet] = useState<string>();
  const [when, setWhen] = useState(false);
  const begun = useRef(draft?.seen ?? 0);
  const picker = useRef<HTMLInputElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const closed = view.state === 'closed' && !note;
  const named = useMentions(text, note ? caret : -1);
  const slash = note || caret < 0 ? null : slashQuery(text, caret);
  const subject = useMemo(() => ({ kind: 'conversation' as const, id: String(view.id) }), [view.id]);

  // What was begun is kept on the server a moment after the last key, and when the page goes.
  const saved = useRef(stampOf(view.draft?.text ?? '', view.draft?.note ?? false));
  const keep = useEffectEvent((keepalive: boolean) => {
    const stamp = stampOf(text, note);
    if (saved.current === stamp) return;
    saved.current = stamp;
    const own: Begun = { text, note, seen: begun.current };
    // A page that goes without a connection hears of no failure.
    if (keepalive && !navigator.onLine) keepDraft(me, `chat.${view.id}`, own);
    // Whoever comes back before it is read anew finds it too.
    client.setQueryData(conversationOf(view.id).queryKey, (old) => old && { ...old, draft: text ? { text, note, seen: begun.current, updated_at: new Date().toISOString() } : undefined });
    request(`/conversations/${view.id}/draft`, { method: 'PUT', body: own, keepalive }).then(
      () => keepDraft(me, `chat.${view.id}`, undefined),
      (error: unknown) => {
        keepDraft(me, `chat.${view.id}`, text ? own : undefined);
        // What did not get there is tried again.
        if (saved.current === stamp && error instanceof Problem && (error.status === 0 || error.status >= 500)) saved.current = '\0';
      },
    );
  });
  useEffect(() => {
    const timer = setTimeout(() => keep(false), 800);
    return () => clearTimeout(timer);
  }, [text, note]);
  useEffect(() => {
    const leave = () => keep(true);
    window.addEventListener('pagehide', leave);
    const again = setInterval(() => keep(false), 5000);
    return () => {
      clearInterval(again);
      window.removeEventListener('pagehide', leave);
      keep(true);
    };
  }, []);

  const typed = useRef(0);
  const change = (value: string) => {
    if (text === '' && value !== '') begun.current = seen;
    setText(value);
    setGuard(null);
    setChosen(0);
    if (!note && Date.now() - typed.current > 4000) {
      typed.current = Date.now();
      void request(`/conversations/${view.id}/presence`, { method: 'POST', body: { on: true, typing: true } }).catch(() => undefined);
    }
  };
  // What was written or chosen since then stays.
  const cleared = (body: string, gone: readonly Attachment[]) => {
    saved.current = '';
    setText((now) => (now.startsWith(body) ? now.slice(body.length).trimStart() : now));
    setFiles((all) => all.filter((f) => !gone.includes(f)));
    setGuard(null);
    begun.current = 0;
    keepDraft(me, `chat.${view.id}`, undefined);
    client.setQueryData(conversationOf(view.id).queryKey, (old) => old && { ...old, draft: undefined });
    void request(`/conversations/${view.id}/draft`, { method: 'PUT', body: { text: '' } }).catch(() => undefined);
  };
  const replyOf = (body: string) => ({ text: body, note: false, files: files.map((f) => f.id), seen: begun.current || seen, client_id: crypto.randomUUID() });

  const noting = useMutation({
    mutationFn: ({ key, body }: { key: string; body: string; files: readonly Attachment[] }) => send(view.id, { ...replyOf(body), note: true, seen: 0, client_id: key, mentions: mentioned(body, people).map((p) => Number(p.id)) }),
    onSuccess: (_, { body, files }) => {
      cleared(body, files);
      onSent();
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  const noteKey = useRef(crypto.randomUUID());
  const adding = useMutation({
    mutationFn: (file: File) => upload(view.id, file),
    scope: { id: `files ${view.id}` }, // one after the other: it is pending until the last is there
    onSuccess: (file) => setFiles((all) => [...all, file]),
    onError: (error) => void message.error(error instanceof Problem && error.status === 415 ? t('inbox.badType') : t(problemKey(error))),
  });
  const plan = useMutation({
    mutationFn: ({ body, at }: { body: string; at: string }) => request(`/conversations/${view.id}/scheduled`, { method: 'POST', body: { text: body, at } }),
    onSuccess: (_, { body }) => {
      cleared(body, []);
      void client.invalidateQueries({ queryKey: ['conversation', view.id] });
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  const [checking, setChecking] = useState(false);
  const ready = (text.trim() !== '' || files.length > 0) && !noting.isPending && !adding.isPending && !plan.isPending && !checking && !closed;

  const sendOff = (body: string, own: boolean, checked: boolean, { at, close }: Way) => {
    if (at) {
      plan.mutate({ body, at });
      return;
    }
    if (!box) return;
    const reply = own ? replyOf(body) : { ...replyOf(body), files: [] };
    if (!box.put({ id: reply.client_id, conversation: view.id, reply, files: own ? files : [], checked, close }, undoTime)) {
      void message.error(t('desktop.full'));
      return;
    }
    if (own) cleared(body, files);
  };
  const go = async (body: string, own: boolean, sure: boolean, way: Way) => {
    if (sure || !body.trim()) {
      sendOff(body, own, true, way);
      return;
    }
    setChecking(true);
    // Without an answer it is asked again when the reply leaves; what leaves by the server's clock is not.
    const found = await privateIn(view.id, body, AbortSignal.timeout(3000)).catch((error: unknown) => {
      if (way.at) void message.error(t(problemKey(error)));
      return null;
    });
    setChecking(false);
    if (!found && way.at) return;
    if (found && found.length > 0 && own) setGuard({ body, values: found, way });
    else sendOff(body, own, found?.length === 0, way);
  };
  const attach = (chosen: readonly File[]) => {
    for (const file of chosen.slice(0, mostFiles - files.length)) adding.mutate(file);
  };
  const onPaste = (event: ClipboardEvent) => {
    const found = closed ? [] : filesOf(event.clipboardData);
    if (found.length === 0) return;
    event.preventDefault();
    attach(found);
  };
  const onDrop = (event: DragEvent) => {
    if (event.dataTransfer.files.length === 0) return;
    event.preventDefault(); // the browser would leave the page for the file
    if (!closed) attach([...event.dataTransfer.files]);
  };
  const submit = (close = false) => {
    if (!ready) return;
    if (note) {
      noting.mutate({ key: noteKey.current, body: text, files }, { onSuccess: () => void (noteKey.current = crypto.randomUUID()) });
      return;
    }
    void go(text, true, guard?.body === text, { close });
  };

  const put = (piece: string) => {
    const at = field.current?.selectionStart ?? text.length;
    const before = text.slice(0, at);
    const glue = before && !/\s$/.test(before) ? ' ' : '';
    change(before + glue + piece + text.slice(at));
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(before.length + glue.length + piece.length, before.length + glue.length + piece.length);
    });
  };
  useImperativeHandle(handle, () => ({
    insert: (piece) => {
      setNote(false);
      put(piece);
    },
    send: (piece) => void go(piece, false, false, {}),
    focus: (as) => {
      setNote(as);
      requestAnimationFrame(() => field.current?.focus());
    },
    note: (piece) => {
      setNote(true);
      put(piece);
    },
    restore: (piece, back) => {
      setNote(false);
      change(text ? `${piece}\n${text}` : piece);
      setFiles((all) => [...all, ...back.filter((f) => !all.some((one) => one.id === f.id))]);
      requestAnimationFrame(() => field.current?.focus());
    },
  }));

  const pick = (username: string, from: number) => {
    const after = text.slice(caret < 0 ? text.length : caret);
    const value = `${text.slice(0, from)}@${username} ${after}`;
    change(value);
    const at = from + username.length + 2;
    setCaret(at);
    requestAnimationFrame(() => field.current?.setSelectionRange(at, at));
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (named && !event.ctrlKey && !event.metaKey) {
      const one = named.people[chosen % named.people.length];
      if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        event.preventDefault();
        setChosen((i) => i + (event.key === 'ArrowDown' ? 1 : named.people.length - 1));
        return;
      }
      if ((event.key === 'Enter' || event.key === 'Tab') && one) {
        event.preventDefault();
        pick(one.username, named.from);
        return;
      }
      if (event.key === 'Escape') {
        event.stopPropagation();
        setCaret(-1);
        return;
      }
    }
    if (event.ctrlKey || event.metaKey) {
      if (event.code === 'Enter') {
        event.preventDefault();
        submit(event.shiftKey && !note);
      } else if (event.code === 'Period' && event.shiftKey) {
        event.preventDefault();
        setNote((on) => !on);
      }
    } else if (event.key === 'Escape') field.current?.blur();
  };

  useActions(
    useMemo<Action[]>(() => {
      const focus = (as: boolean) => {
        setNote(as);
        requestAnimationFrame(() => field.current?.focus());
      };
      return [
        { id: 'reply', group: 'write', icon: 'words', label: t('desktop.do.reply'), code: 'KeyR', run: () => focus(false) },
        { id: 'note', group: 'write', icon: 'lock', label: t('desktop.do.note'), code: 'KeyN', run: () => focus(true) },
        { id: 'attach', group: 'write', icon: 'clip', label: t('inbox.attach'), run: () => picker.current?.click() },
      ];
    }, [t]),
  );
  return (
    <form
      className={note ? 'inbox-composer inbox-composing-note' : 'inbox-composer'}
      onDragOver={(event) => event.dataTransfer.types.includes('Files') && event.preventDefault()}
      onDrop={onDrop}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div className="inbox-tabs" role="tablist" aria-label={t('inbox.compose')}>
        <button type="button" role="tab" aria-selected={!note} onClick={() => setNote(false)}>
          {t('inbox.reply')}
        </button>
        <button type="button" role="tab" aria-selected={note} onClick={() => setNote(true)}>
          <Icon name="lock" size={14} /> {t('inbox.note')}
        </button>
        <WindowLeft view={view} />
      </div>
      <Planned view={view} />
      {guard && (
        <div className="composer-guard" role="alert">
          <Icon name="shield" size={16} />
          <span>{t('desktop.private', { values: guard.values.join(', ') })}</span>
          <button type="button" className="text-button" onClick={() => void go(text, true, guard.body === text, guard.way)}>
            {t('desktop.sendAnyway')}
          </button>
          <button type="button" className="text-button" onClick={() => setGuard(null)}>
            {t('desktop.goBack')}
          </button>
        </div>
      )}
      <div className="composer-field">
        <textarea
          ref={field}
          value={text}
          dir="auto"
          rows={3}
          maxLength={20000}
          disabled={closed}
          placeholder={closed ? t('inbox.closedHint') : note ? t('inbox.noteHint') : t('inbox.replyHint')}
          aria-label={note ? t('inbox.note') : t('inbox.reply')}
          aria-autocomplete="list"
          aria-controls={named ? 'composer-mentions' : slash !== null ? 'snippet-picker' : undefined}
          aria-activedescendant={named ? `mention-${chosen % named.people.length}` : slash !== null ? snippet : undefined}
          onChange={(event) => {
            change(event.target.value);
            setCaret(event.target.selectionStart);
          }}
          onBlur={() => setCaret(-1)}
          onKeyDown={onKey}
          onPaste={onPaste}
        />
        {slash !== null && (
          <Suspense>
            <SnippetPicker
              query={slash}
              subject={subject}
              onClose={() => setCaret(-1)}
              onActive={setSnippet}
              onPick={(piece) => {
                const put = withSnippet(text, caret, piece);
                change(put.text);
                setCaret(-1);
                requestAnimationFrame(() => field.current?.setSelectionRange(put.caret, put.caret));
              }}
            />
          </Suspense>
        )}
        {note && <Mentions text={text} caret={caret} chosen={chosen} onPick={pick} />}
      </div>
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
          multiple
          onChange={(event) => {
            attach([...(event.target.files ?? [])]);
            event.target.value = '';
          }}
        />
        <button type="button" className="round" disabled={closed || adding.isPending || files.length >= mostFiles} aria-label={t('inbox.attach')} title={t('inbox.attach')} onClick={() => picker.current?.click()}>
          <Icon name="clip" size={18} />
        </button>
        <span className="muted inbox-keys">{t('inbox.keys')}</span>
        {!note && (
          <Dropdown
            trigger={['click']}
            placement="topRight"
            disabled={!ready || files.length > 0}
            menu={{
              items: [
                ...moments(new Date()).map(({ key, at }) => ({ key, label: `${t(`desktop.moment.${key}`)} · ${dayjs(at).format('MM-DD HH:mm')}`, onClick: () => void go(text, true, false, { at: at.toISOString() }) })),
                { type: 'divider' as const },
                { key: 'other', label: t('desktop.moment.other'), onClick: () => setWhen(true) },
              ],
            }}
          >
            <button type="button" className="round" disabled={!ready || files.length > 0} aria-label={t('desktop.sendLater')} title={t('desktop.sendLater')}>
              <Icon name="rewind" size={18} />
            </button>
          </Dropdown>
        )}
        <button type="submit" className={note ? 'inbox-go inbox-go-note' : 'inbox-go'} disabled={!ready}>
          {note ? t('inbox.writeNote') : t('inbox.send')}
        </button>
      </div>
      {when && (
        <Suspense>
          <WhenBox
            title={t('desktop.sendLater')}
            ok={t('desktop.plan')}
            onClose={() => setWhen(false)}
            onChoose={(at) => {
              setWhen(false);
              void go(text, true, false, { at });
            }}
          />
        </Suspense>
      )}
    </form>
  );
}
