import { useTranslation } from 'react-i18next';
import type { CallSummary, QualityNow, Side, TranscriptionState } from '../api/model';
import { useNow } from '../call/hooks';
import { clock, useFormat } from '../i18n/format';
import { Tooltip } from './hung';
import './facts.css';

type Grade = 'good' | 'fair' | 'poor' | 'unknown';

/** grade sorts an estimated MOS: 3.6 is the least that most people call satisfying, under 3.1 many complain. */
export function grade(quality: QualityNow | null | undefined): Grade {
  if (!quality || quality.mos <= 0) return 'unknown';
  if (quality.mos >= 3.6) return 'good';
  return quality.mos >= 3.1 ? 'fair' : 'poor';
}

/** QualityDot shows line quality by colour and shape, and in words on hover or focus. */
export function QualityDot({ quality, rtt }: { quality: QualityNow | null | undefined; rtt?: number }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const g = grade(quality);
  const words = [
    `${t('quality.label')}: ${t(`quality.${g}`)}`,
    ...(quality && g !== 'unknown'
      ? [
          t('quality.mos', { value: number(quality.mos, 1) }),
          t('quality.loss', { value: number(quality.loss_pct, 1) }),
          t('quality.jitter', { value: number(quality.jitter_ms, 1) }),
          ...(rtt ? [t('quality.rtt', { value: number(rtt) })] : []),
        ]
      : []),
  ].join(' · ');
  return (
    <Tooltip title={words}>
      <span className={`dot dot-${g}`} role="img" aria-label={words} tabIndex={0} />
    </Tooltip>
  );
}

/** Duration ticks while the call runs. */
export function Duration({ call }: { call: CallSummary }) {
  const { t } = useTranslation();
  const running = call.state !== 'ended';
  const now = useNow(running);
  const since = Date.parse(call.answered_at ?? call.started_at);
  const text = clock(running ? now - since : call.duration_ms);
  return (
    <time className="num" aria-label={`${t('live.duration')} ${text}`}>
      {text}
    </time>
  );
}

export function SideName({ side }: { side: Side }) {
  const { t } = useTranslation();
  return <span className={`side side-${side}`}>{t(`side.${side}`)}</span>;
}

export function StateTag({ call }: { call: CallSummary }) {
  const { t } = useTranslation();
  if (call.state === 'ended') return <span className="tag">{call.cause ? t(`cause.${call.cause}`, call.cause) : t('state.ended')}</span>;
  return <span className={`tag tag-${call.state}`}>{t(`state.${call.state}`)}</span>;
}

/** worst is the state that a reader must know of: deferred before live before off. */
function worst(call: CallSummary): TranscriptionState {
  const states = Object.values(call.transcription);
  return (['deferred', 'live', 'done'] as const).find((s) => states.includes(s)) ?? 'off';
}

export function TranscriptionTag({ call }: { call: CallSummary }) {
  const { t } = useTranslation();
  const state = worst(call);
  return (
    <Tooltip title={t(`transcription.${state}Long`)}>
      <span className={`tag tag-words-${state}`} tabIndex={0}>
        {t(`transcription.${state}`)}
      </span>
    </Tooltip>
  );
}

/** who names the other party of a call. */
export function who(call: CallSummary, withheld: string): string {
  const [number, name] = call.direction === 'out' ? [call.to, ''] : [call.from, call.from_name];
  return name || number || withheld;
}
