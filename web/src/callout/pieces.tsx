import { Select } from 'antd';
import { useTranslation } from 'react-i18next';
import { inUnit, sharesOf, type Attempt, type CallList } from './api';

/** Progress is how far a list is: a bar of its states with their names, as far as they have entries. */
export function Progress({ list, names = false }: { list: CallList; names?: boolean }) {
  const { t } = useTranslation();
  const shares = sharesOf(list.counts);
  return (
    <div className="call-progress">
      <div className="call-progress-bar" role="img" aria-label={shares.map(({ state, n }) => `${t(`callout.states.${state}`)} ${n}`).join(', ') || t('callout.nobody')}>
        {shares.map(({ state, part }) => (
          <span key={state} className={`entry-${state}`} style={{ inlineSize: `${part}%` }} />
        ))}
      </div>
      {names && (
        <ul className="call-progress-names">
          {shares.map(({ state, n }) => (
            <li key={state}>
              <span className={`entry-dot entry-${state}`} aria-hidden="true" />
              {t(`callout.states.${state}`)} <b className="num">{n}</b>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** ListState says whether a list is worked on, and why not. */
export function ListState({ list }: { list: CallList }) {
  const { t } = useTranslation();
  const late = !!list.until && Date.parse(list.until) <= Date.now();
  const word = list.state !== 'running' ? list.state : late ? 'late' : list.open ? 'running' : 'outside';
  return <span className={`tag call-list-${word}`}>{t(`callout.listStates.${word}`)}</span>;
}

/** usePause says a number of seconds in words. */
export function usePause(): (seconds: number) => string {
  const { t } = useTranslation();
  return (seconds) => {
    const { n, unit } = inUnit(seconds);
    return t(`callout.units.${unit}`, { count: n });
  };
}

/** Pauses offers pauses, and the one that is set when it is another. */
export function PauseSelect({ value, onChange, options, id }: { value?: number; onChange?: (seconds: number) => void; options: readonly number[]; id?: string }) {
  const words = usePause();
  const all = value === undefined || options.includes(value) ? options : [...options, value].toSorted((a, b) => a - b);
  return <Select id={id} value={value} onChange={onChange} options={all.map((seconds) => ({ value: seconds, label: words(seconds) }))} />;
}

/** useOutcome says how a try went. */
export function useOutcome(): (attempt: Pick<Attempt, 'outcome' | 'reason'>) => string {
  const { t } = useTranslation();
  return ({ outcome, reason }) => {
    if (outcome === 'skipped' && reason) return t('callout.skippedFor', { reason: t(`callout.reasons.${reason}`) });
    return outcome ? t(`callout.outcomes.${outcome}`) : t('callout.goesOn');
  };
}
