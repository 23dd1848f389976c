import { useRef, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Reading } from '../api/model';
import { bars, stateOf, useLimits, type Bar } from '../call/mood';
import { clock, useFormat } from '../i18n/format';
import './mood.css';

const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

/** walk moves between the bars by arrow keys: the ribbon is one stop of the tab key. */
export function walk(event: KeyboardEvent<HTMLElement>): void {
  const step = steps[event.key];
  if (step === undefined) return;
  const all = [...event.currentTarget.querySelectorAll<HTMLButtonElement>('.ribbon-bar')];
  const at = all.indexOf(document.activeElement as HTMLButtonElement);
  const next = all[Math.max(0, Math.min(all.length - 1, at + step))];
  event.preventDefault();
  // The page's own keys would jump in the recording.
  event.stopPropagation();
  for (const bar of all) bar.tabIndex = -1;
  if (!next) return;
  next.tabIndex = 0;
  next.focus();
}

function useWords(): (bar: Bar) => string {
  const { t } = useTranslation();
  const { number } = useFormat();
  return ({ reading, look, doubtful, start }) =>
    [
      `${clock(start)} ${t(`mood.${look}`)} ${number(100 * reading.e)}`,
      reading.class ? t('mood.byVoice', { what: t(`mood.class.${reading.class}`), value: number(100 * (reading.voice ?? 0)) }) : t('mood.noVoice'),
      ...(reading.words == null ? [] : [t('mood.byWords', { value: number(100 * reading.words) })]),
      ...(doubtful && reading.class ? [t('mood.doubtful')] : []),
    ].join(' · ');
}

/** Ribbon is how each turn of the caller sounded: colour, height and pattern; a press goes there. */
export function Ribbon({ readings, sounding, go, hint }: { readings: readonly Reading[]; sounding?: Reading; go: (ms: number) => void; hint: string }) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const words = useWords();
  const limits = useLimits();
  const list = bars(readings, limits);
  if (list.length === 0 && !sounding) return null;
  return (
    <div className="ribbon" ref={box} role="toolbar" aria-label={`${t('mood.ribbon')}. ${hint}`} onKeyDown={walk}>
      {list.map((bar, i) => (
        <button key={bar.key} type="button" className="ribbon-bar" tabIndex={i === list.length - 1 ? 0 : -1} title={words(bar)} aria-label={words(bar)} onClick={() => go(bar.start)}>
          <i className={`ribbon-${bar.look}${bar.doubtful ? ' ribbon-doubtful' : ''}`} style={{ height: `${Math.round(bar.height * 100)}%` }} />
        </button>
      ))}
      {sounding && (
        <span className="ribbon-bar ribbon-now" title={t('mood.now')}>
          <i className={`ribbon-${stateOf(sounding.e, limits)}`} style={{ height: `${Math.round(Math.max(0.15, sounding.e) * 100)}%` }} />
        </span>
      )}
    </div>
  );
}
