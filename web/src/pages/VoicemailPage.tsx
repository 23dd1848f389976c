import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Popconfirm, Segmented } from 'antd';
import { useCallback, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { base, request, type Ask } from '../api/client';
import { voicemail, type VoiceMessage } from '../api/line';
import { problemKey } from '../api/problem';
import { useQueueName } from '../api/queues';
import { useChannel } from '../call/hooks';
import { clock, firstOf, useFormat } from '../i18n/format';
import { CallTabs } from '../parts/CallTabs';
import { More } from '../parts/More';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { useMessage } from '../parts/messages';
import { useReady, useDeeds } from '../phone/hooks';

const told = ['voicemail.'] as const;

/** useMark changes a message: heard, done, gone. */
function useMark() {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ path, ...ask }: Pick<Ask, 'method' | 'body'> & { path: string }) => request(`/voicemail/${path}`, ask),
    onError: (error) => void message.error(t(problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: ['voicemail'] }),
  });
}

/** Words are what was said, as far as it is known. */
function Words({ message }: { message: VoiceMessage }) {
  const { t } = useTranslation();
  if (message.transcript) return <p className="line-words">{message.transcript}</p>;
  if (!message.has_audio) return <p className="line-words">{t('calldesk.mail.deleted')}</p>;
  return message.transcription === 'deferred' ? <p className="line-words muted">{t('calldesk.mail.later')}</p> : null;
}

function Row({ message, queue }: { message: VoiceMessage; queue: (id: string) => string }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const { dial } = useDeeds();
  const ready = useReady();
  const [open, setOpen] = useState(false);
  const mark = useMark();
  const who = firstOf(message.from_name, message.from, t('live.unknown'));
  const done = !!message.done_at;
  return (
    <li>
      <span className={message.heard_at ? 'line-dot line-dot-off' : 'line-dot'} role="img" aria-label={t(message.heard_at ? 'calldesk.mail.heard' : 'calldesk.mail.new')} title={message.heard_at ? t('calldesk.mail.heardBy', { who: message.heard_by }) : t('calldesk.mail.new')} />
      <span className="line-facts">
        <strong>{who}</strong>
        {message.from_name && <span className="muted num">{message.from}</span>}
        <span className="tag">{message.kind === 'queue' ? queue(message.box) : t('calldesk.mail.own', { who: message.box })}</span>
        <Link to="/calls/$callId" params={{ callId: message.call_id }} className="num">
          {dateTime(message.at)}
        </Link>
        <span className="num muted">{clock(message.duration_ms)}</span>
        {done && <span className="tag tag-good">{t('calldesk.mail.doneBy', { who: message.done_by })}</span>}
      </span>
      <span className="line-acts">
        {message.has_audio && (
          <button type="button" className="small-button" aria-expanded={open} aria-label={`${t('calldesk.mail.hear')}: ${who}`} onClick={() => setOpen(!open)}>
            {t('calldesk.mail.hear')}
          </button>
        )}
        <button type="button" className="small-button" disabled={!ready || !message.from} aria-label={`${t('calldesk.mail.call')}: ${who}`} onClick={() => dial(message.from)}>
          {t('calldesk.mail.call')}
        </button>
        <button type="button" className={done ? 'small-button' : 'small-button small-main'} disabled={mark.isPending} aria-label={`${t(done ? 'calldesk.mail.undo' : 'calldesk.mail.done')}: ${who}`} onClick={() => mark.mutate({ path: `${message.id}/done`, method: 'PUT', body: { done: !done } })}>
          {t(done ? 'calldesk.mail.undo' : 'calldesk.mail.done')}
        </button>
        {message.has_audio && (
          <Popconfirm title={t('calldesk.mail.deleteAsk')} okText={t('calldesk.mail.delete')} cancelText={t('settings.cancel')} onConfirm={() => mark.mutate({ path: message.id, method: 'DELETE' })}>
            <button type="button" className="small-button" disabled={mark.isPending} aria-label={`${t('calldesk.mail.delete')}: ${who}`}>
              {t('calldesk.mail.delete')}
            </button>
          </Popconfirm>
        )}
      </span>
      <Words message={message} />
      {open && message.has_audio && <audio className="line-sound" controls autoPlay src={`${base}/voicemail/${message.id}/audio`} aria-label={`${t('calldesk.mail.hear')}: ${who}`} />}
    </li>
  );
}

/** VoicemailPage is what callers said to a machine, for whom it concerns. */
export function VoicemailPage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [all, setAll] = useState(false);
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useInfiniteQuery(voicemail(all));
  useChannel('calls', useCallback(() => void client.invalidateQueries({ queryKey: ['voicemail'] }), [client]), told);
  const items = data?.pages.flatMap((page) => page.items ?? []) ?? [];
  const name = useQueueName();
  return (
    <div className="page">
      <Title>{t('calldesk.tabs.voicemail')}</Title>
      <div className="page-head">
        <h1>{t('calldesk.tabs.voicemail')}</h1>
        <Segmented
          aria-label={t('calldesk.mail.which')}
          value={all}
          options={[
            { value: false, label: t('calldesk.mail.undone') },
            { value: true, label: t('calldesk.mail.all') },
          ]}
          onChange={setAll}
        />
      </div>
      <CallTabs />
      {error && <Failed error={error} retry={() => void refetch()} />}
      {isPending && <Waiting />}
      {data && items.length === 0 && <Empty icon="words" title={t(all ? 'calldesk.mail.none' : 'calldesk.mail.noneUndone')} hint={t('calldesk.mail.hint')} />}
      {items.length > 0 && (
        <ul className="card line-list">
          {items.map((message) => (
            <Row key={message.id} message={message} queue={name} />
          ))}
        </ul>
      )}
      <More of={{ hasNextPage, isFetchingNextPage, fetchNextPage }} />
    </div>
  );
}
