import { useTranslation } from 'react-i18next';
import { usePeople } from '../api/people';
import { useQueueName } from '../api/queues';
import { size, useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { fileAddress, type Message } from './data';

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
  const people = usePeople();
  const queueName = useQueueName();
  return (message: Message): string => {
    const extra = (message.data ?? {}) as Extra;
    const user = people.find((p) => p.id === extra.with?.user);
    const who = (message.author.name ?? '') || t(`inbox.author.${message.author.kind}`);
    return t(`inbox.event.${extra.event ?? 'other'}`, {
      defaultValue: t('inbox.event.other', { what: extra.event }),
      who,
      user: user ? user.name || user.username : t('inbox.nobody'),
      queue: extra.with?.queue && queueName(extra.with.queue),
      until: extra.with?.until && dateTime(extra.with.until),
      id: extra.with?.into ?? extra.with?.from,
    });
  };
}

/** Bubble is one message of a thread. */
export function Bubble({ message, onResend }: { message: Message; onResend: (id: number) => void }) {
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
    <li id={`message-${message.id}`} data-message={message.id} className={`inbox-bubble inbox-${side}${message.author.kind === 'bot' ? ' inbox-bot' : ''}`}>
      <span className="inbox-by">
        {side === 'note' && <Icon name="lock" size={13} />}
        {side === 'note' ? t('inbox.noteBy', { who: author }) : author}
        {message.kind === 'complaint' && <strong className="inbox-bad">{t('inbox.complaint')}</strong>}
        <time className="num" dateTime={message.at}>
          {time(message.at).slice(0, 5)}
        </time>
      </span>
      {message.text && <span className="inbox-text" dir="auto">{message.text}</span>}
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
