import { useTranslation } from 'react-i18next';
import type { CallSummary, MoodState } from '../api/model';
import { shownMood } from '../call/mood';
import { useFormat } from '../i18n/format';
import { Tooltip } from './hung';
import './mood.css';

/** Face draws a mood by colour and shape: round, a ring with a bar, a triangle. */
export function Face({ state }: { state: MoodState }) {
  return (
    <svg className={`face face-${state}`} width="14" height="14" viewBox="0 0 14 14" aria-hidden="true" focusable="false">
      {state === 'angry' ? <path d="M7 1.200 13.2 12.600H.8Z" /> : <circle cx="7" cy="7" r="5.4" />}
      {state === 'tense' && <path d="M3.6 7h6.8" className="face-bar" />}
    </svg>
  );
}

/** MoodDot is the caller's mood in a list, in words on hover or focus; nothing when the voice was not read. */
export function MoodDot({ call }: { call: CallSummary }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const shown = shownMood(call);
  if (!shown) return null;
  const { mood } = shown;
  const words = [
    `${t('mood.label')}: ${t(`mood.${shown.state}`)} ${number(100 * shown.value)}`,
    ...(Math.abs(mood.trend) >= 0.05 ? [t(mood.trend > 0 ? 'mood.worse' : 'mood.better')] : []),
    ...(mood.alerts > 0 ? [t('mood.alerts', { count: mood.alerts })] : []),
  ].join(' · ');
  return (
    <Tooltip title={words}>
      <span className="mood-dot" role="img" aria-label={words} tabIndex={0}>
        <Face state={shown.state} />
      </span>
    </Tooltip>
  );
}
