import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Button, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { CallSummary, User } from '../api/model';
import { clock, useFormat } from '../i18n/format';
import { Icon, type IconName } from '../parts/Icon';
import { More } from '../parts/More';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { timeline, type Entry } from './api';
import { useAct } from './words';
import { leads } from '../shell/roles';

const shown = ['call', 'conversation', 'ticket', 'feedback', 'note', 'consent', 'merge'] as const;
type Shown = (typeof shown)[number];

const icons: Record<Shown, IconName> = { call: 'phone', conversation: 'inbox', ticket: 'ticket', feedback: 'words', note: 'book', consent: 'shield', merge: 'merge' };
const isShown = (kind: string): kind is Shown => (shown as readonly string[]).includes(kind);
const text = (value: unknown) => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');

function CallEntry({ id, data }: { id: string; data: CallSummary }) {
  const { t } = useTranslation();
  return (
    <>
      <Link to="/calls/$callId" params={{ callId: id }}>
        {t(data.direction === 'out' ? 'contacts.calledOut' : 'contacts.calledIn')}
      </Link>{' '}
      <span className="num">{data.answered_at ? clock(data.duration_ms) : t('contacts.notAnswered')}</span>
      {data.agent && <span className="muted"> · {data.agent}</span>}
      {data.mood && <span className="tag">{t(`contacts.mood.${data.mood.state}`, data.mood.state)}</span>}
      {data.last_words?.text && <p className="entry-text">{data.last_words.text}</p>}
    </>
  );
}

function Body({ entry, contact }: { entry: Entry; contact: number }) {
  const { t } = useTranslation();
  const { data } = entry;
  switch (entry.kind) {
    case 'call':
      return <CallEntry id={entry.id} data={data as unknown as CallSummary} />;
    case 'conversation':
      return (
        <>
          {t('contacts.talked', { channel: t(`contacts.channel.${text(data.channel)}`, text(data.channel)) })} <span className="muted num">{t('contacts.messages', { count: Number(data.messages ?? 0) })}</span>
          {text(data.last_text) && <p className="entry-text">{text(data.last_text)}</p>}
        </>
      );
    case 'ticket':
      return (
        <>
          {t('contacts.ticketEntry', { id: entry.id })} {text(data.subject)} <span className="tag">{t(`contacts.ticketState.${text(data.state)}`, text(data.state))}</span>
        </>
      );
    case 'feedback':
      return (
        <>
          {t(`feedback.kinds.${text(data.kind)}`, text(data.kind))} {typeof data.score === 'number' && <span className="tag num">{`${data.score}/${data.kind === 'nps' ? 10 : 5}`}</span>}
          {text(data.text) && <p className="entry-text">{text(data.text)}</p>}
        </>
      );
    case 'note':
      return (
        <>
          <span className="muted">{t('contacts.noteBy', { name: text(data.by) })}</span>
          <p className="entry-text entry-note">{text(data.text)}</p>
        </>
      );
    case 'consent':
      return (
        <>
          {t('contacts.consentEntry', { purpose: t(`contacts.purpose.${text(data.purpose)}`), state: t(`contacts.consentState.${text(data.state)}`) })}{' '}
          <span className="muted">
            {t(`contacts.channel.${text(data.channel)}`, text(data.channel))}
            {text(data.proof) && ` · ${text(data.proof)}`}
          </span>
        </>
      );
    case 'merge':
      return <>{t(data.undone ? 'contacts.mergeUndone' : 'contacts.mergeEntry', { id: data.survivor === contact ? text(data.merged) : text(data.survivor), name: text(data.by) })}</>;
    default:
      return <>{entry.kind}</>;
  }
}

/** NoteBox writes a note. */
function NoteBox({ contact }: { contact: number }) {
  const { t } = useTranslation();
  const [note, setNote] = useState('');
  const add = useAct((value: string) => request(`/contacts/${contact}/notes`, { method: 'POST', body: { text: value } }), { then: () => setNote('') });
  return (
    <div className="note-box">
      <Input.TextArea aria-label={t('contacts.note')} placeholder={t('contacts.noteHint')} value={note} maxLength={1300} autoSize={{ minRows: 2, maxRows: 6 }} onChange={(event) => setNote(event.target.value)} />
      <Button type="primary" disabled={!note.trim()} loading={add.isPending} onClick={() => add.mutate(note.trim())}>
        {t('contacts.addNote')}
      </Button>
    </div>
  );
}

/** TimelineCard is everything that happened with a person, newest first. */
export function TimelineCard({ contact, me }: { contact: number; me: User }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const [kind, setKind] = useState('');
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useInfiniteQuery(timeline(String(contact), kind));
  const remove = useAct((id: string) => request(`/contacts/${contact}/notes/${id}`, { method: 'DELETE' }), { words: t('contacts.removed') });
  const items = data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section className="card part" aria-labelledby="timeline">
      <h2 id="timeline">{t('contacts.timeline')}</h2>
      <NoteBox contact={contact} />
      <div className="chips" role="group" aria-label={t('contacts.show')}>
        {shown.map((value) => (
          <button key={value} type="button" className="chip" aria-pressed={kind === value} onClick={() => setKind(kind === value ? '' : value)}>
            {t(`contacts.entry.${value}`)}
          </button>
        ))}
      </div>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {isPending && <Waiting rows={5} />}
      {data && items.length === 0 && <Empty icon="contacts" title={t('contacts.nothing')} />}
      <ol className="timeline">
        {items.map((entry) => (
          <li key={`${entry.kind} ${entry.id}`}>
            <span className="entry-icon">
              <Icon name={isShown(entry.kind) ? icons[entry.kind] : 'more'} size={16} />
            </span>
            <div className="entry-body">
              <Body entry={entry} contact={contact} />
              {entry.kind === 'note' && (leads(me.role) || entry.data.by === me.username) && (
                <Button type="text" size="small" onClick={() => remove.mutate(entry.id)}>
                  {t('contacts.remove')}
                </Button>
              )}
            </div>
            <time className="muted num" dateTime={entry.at}>
              {dateTime(entry.at)}
            </time>
          </li>
        ))}
      </ol>
      <More of={{ hasNextPage, isFetchingNextPage, fetchNextPage }} />
    </section>
  );
}
