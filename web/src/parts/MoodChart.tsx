import { useTranslation } from 'react-i18next';
import type { MoodRow } from '../api/model';
import type { Cut } from '../api/queries';
import { stateOf, useLimits } from '../call/mood';
import { signed, useFormat } from '../i18n/format';
import './mood.css';

/** nameOf is what a row stands for, in the language of the pages. */
function useName(by: Cut): (key: string) => string {
  const { t } = useTranslation();
  return (key) => {
    if (key === '') return t('mood.none');
    if (by === 'hour') return `${key}:00`;
    if (by === 'cause') return t(`cause.${key}`, key);
    return key;
  };
}

/** MoodChart is a bar per row: mean mood, the worst turn as a mark, calls and alerts in figures. A table to those who do not see it. */
export function MoodChart({ by, rows }: { by: Cut; rows: readonly MoodRow[] }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const name = useName(by);
  const limits = useLimits();
  return (
    <table className="mood-chart">
      <thead>
        <tr>
          <th scope="col">{t(`mood.by.${by}`)}</th>
          <th scope="col">{t('mood.value')}</th>
          <th scope="col" className="mood-bar-head">
            <i aria-hidden="true">▮</i> {t('mood.peak')}
          </th>
          <th scope="col">{t('mood.calls')}</th>
          <th scope="col">{t('mood.angryCalls')}</th>
          <th scope="col">{t('mood.alertedCalls')}</th>
          <th scope="col">{t('mood.trend')}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key}>
            <th scope="row">{name(row.key)}</th>
            <td className="num">{number(100 * row.value)}</td>
            <td>
              <svg className="mood-bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label={`${t('mood.peak')} ${number(100 * row.peak)}`}>
                <rect x="0" y="0" width="100" height="10" className="mood-bar-ground" />
                <rect x="0" y="1" width={100 * row.value} height="8" className={`mood-fill-${stateOf(row.value, limits)}`} />
                <line x1={100 * limits.tense} x2={100 * limits.tense} y1="0" y2="10" className="mood-bar-limit" />
                <line x1={100 * limits.angry} x2={100 * limits.angry} y1="0" y2="10" className="mood-bar-limit" />
                <rect x={Math.min(99, 100 * row.peak)} y="0" width="1" height="10" className="mood-bar-peak" />
              </svg>
            </td>
            <td className="num">{number(row.calls)}</td>
            <td className="num">
              {number(row.angry)} <span className="muted">({number(row.calls > 0 ? (100 * row.angry) / row.calls : 0)}%)</span>
            </td>
            <td className="num">{number(row.alerted)}</td>
            <td className="num">
              {signed(100 * row.trend, number)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
