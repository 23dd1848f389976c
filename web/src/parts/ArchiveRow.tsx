import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { CallSummary } from '../api/model';
import { marked } from '../call/pieces';
import { useFormat } from '../i18n/format';
import { Duration, QualityDot, StateTag, TranscriptionTag } from './facts';
import { Icon } from './Icon';
import { MoodDot } from './Mood';

/** Snippet is the stretch of talk that was found, with the words marked. */
function Snippet({ text }: { text: string }) {
  return (
    <span className="archive-snippet">
      {marked(text).map((part, i) => (part.hit ? <mark key={i}>{part.text}</mark> : <span key={i}>{part.text}</span>))}
    </span>
  );
}

/** ArchiveRow is one call of the archive: a line of facts, below it what was found or said last. */
export function ArchiveRow({ call, q }: { call: CallSummary; q: string | undefined }) {
  const { t } = useTranslation();
  const { time } = useFormat();
  return (
    <Link to="/calls/$callId" params={{ callId: call.id }} search={q ? { q } : {}} className="archive-row">
      <span className="archive-time num">
        <Icon name={call.direction === 'out' ? 'out' : 'in'} size={15} />
        {time(call.started_at)}
      </span>
      <span className="archive-who">
        <strong>{call.from_name || call.from || t('live.unknown')}</strong>
        {call.from_name && <span className="muted num"> {call.from}</span>}
      </span>
      <span className="archive-to num">{call.to}</span>
      <span className="archive-length num">
        <Duration call={call} />
      </span>
      <span className="archive-result">
        <StateTag call={call} />
      </span>
      <span className="archive-words">
        <TranscriptionTag call={call} />
        {call.has_recording && (
          <span className="archive-disc" title={t('calls.recording')}>
            <Icon name="disc" size={15} />
            <span className="hidden">{t('calls.recording')}</span>
          </span>
        )}
      </span>
      <span className="archive-line">
        <QualityDot quality={call.quality} />
        <MoodDot call={call} />
      </span>
      {call.snippet ? <Snippet text={call.snippet} /> : call.last_words && <span className="archive-snippet">{call.last_words.text}</span>}
    </Link>
  );
}
