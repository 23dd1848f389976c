import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { sides, type Alert, type LiveCall, type Side } from '../api/model';
import { useTalk } from '../call/hooks';
import { adviceOf } from '../call/mood';
import { split, type Talk } from '../call/talk';
import { wayOf } from '../call/way';
import { Duration, QualityDot, SideName, StateTag, TranscriptionTag, who } from './facts';
import { Icon } from './Icon';
import { MoodDot } from './Mood';

interface Line {
  key: string;
  side: Side;
  start: number;
  stable: string;
  open: string;
}

/** lastLines is the end of the talk: settled utterances and what is being said, in call time. */
function lastLines(talk: Talk, count: number): Line[] {
  const settled = talk.utterances.filter((u) => !u.gap).slice(-count);
  const lines: Line[] = settled.map((u) => ({ key: `${u.side}${u.seq}`, side: u.side, start: u.start_ms, stable: u.text, open: '' }));
  for (const side of sides) {
    const speaking = talk.speaking[side];
    if (!speaking) continue;
    const [stable, open] = split(speaking);
    lines.push({ key: `${side}now`, side, start: speaking.start_ms, stable, open });
  }
  return lines.sort((a, b) => a.start - b.start).slice(-count);
}

function Lines({ lines }: { lines: Line[] }) {
  const { t } = useTranslation();
  if (lines.length === 0) return <p className="card-silent">{t('live.waiting')}</p>;
  return (
    <ul className="card-lines">
      {lines.map((line) => (
        <li key={line.key}>
          <SideName side={line.side} />
          <span className="card-text">
            {line.stable}
            {line.open && <span className="open-words">{line.open}</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}

function FollowedLines({ call }: { call: LiveCall }) {
  const talk = useTalk(call.id);
  // Until the talk is here, the end of it that the list knows.
  if (!talk.whole && talk.utterances.length === 0) return <LastWords call={call} />;
  return <Lines lines={lastLines(talk, 4)} />;
}

function LastWords({ call }: { call: LiveCall }) {
  const last = call.last_words;
  return <Lines lines={last ? [{ key: 'last', side: last.side, start: 0, stable: last.text, open: '' }] : []} />;
}

/** CardAlert is the one sentence of an alert; what can be done about it stands with the open call. */
function CardAlert({ alert }: { alert: Alert }) {
  const { i18n } = useTranslation();
  return (
    <p className={`card-alert alert-${alert.level}`}>
      <Icon name="heart" size={15} />
      {adviceOf(alert, i18n.language)?.sentence}
    </p>
  );
}

/** CallCard is one running call with the end of its talk, growing. */
export function CallCard({ call, followed }: { call: LiveCall; followed: boolean }) {
  const { t } = useTranslation();
  const name = who(call, t('live.unknown'));
  return (
    <article className={`call-card call-${call.state}`}>
      <header>
        <Icon name={call.direction === 'out' ? 'out' : 'in'} size={16} />
        <Link to="/live/$callId" params={{ callId: call.id }} className="call-who" aria-label={t('live.open', { who: name })}>
          {name}
        </Link>
        <span className="call-end">
          <MoodDot call={call} />
          <QualityDot quality={call.quality} />
          <Duration call={call} />
        </span>
      </header>
      <div className="call-meta">
        <span className="num">{wayOf(call, name)}</span>
        <StateTag call={call} />
        <TranscriptionTag call={call} />
      </div>
      {call.alert && <CardAlert alert={call.alert} />}
      {followed ? <FollowedLines call={call} /> : <LastWords call={call} />}
    </article>
  );
}

/** bothLast is the last that each side said or says, in call time. */
export function bothLast(talk: Talk): Line[] {
  return sides.flatMap((side) => lastLines({ ...talk, utterances: talk.utterances.filter((u) => u.side === side), speaking: { [side]: talk.speaking[side] } }, 1)).sort((a, b) => a.start - b.start);
}

function RowLines({ lines }: { lines: readonly Line[] }) {
  return lines.map((line) => (
    <span key={line.key} className="call-row-words">
      <SideName side={line.side} /> {line.stable}
      {line.open && <span className="open-words">{line.open}</span>}
    </span>
  ));
}

function FollowedRow({ call }: { call: LiveCall }) {
  const talk = useTalk(call.id);
  const lines = bothLast(talk);
  return lines.length > 0 ? <RowLines lines={lines} /> : <LastRow call={call} />;
}

function LastRow({ call }: { call: LiveCall }) {
  const { t } = useTranslation();
  const last = call.last_words;
  if (!last) return <span className="call-row-words">{t(`state.${call.state}`)}</span>;
  return <RowLines lines={[{ key: 'last', side: last.side, start: 0, stable: last.text, open: '' }]} />;
}

/** CallRow is the same in the narrow list beside an open call: mood, and the last words of both sides. */
export function CallRow({ call, chosen, followed }: { call: LiveCall; chosen: boolean; followed: boolean }) {
  const { t } = useTranslation();
  return (
    <Link to="/live/$callId" params={{ callId: call.id }} className={`call-row call-${call.state}`} aria-current={chosen ? 'true' : undefined}>
      <span className="call-row-top">
        <QualityDot quality={call.quality} />
        <MoodDot call={call} />
        <span className="call-who">{who(call, t('live.unknown'))}</span>
        <Duration call={call} />
      </span>
      {followed ? <FollowedRow call={call} /> : <LastRow call={call} />}
    </Link>
  );
}
