import { useTranslation } from 'react-i18next';
import type { Work } from '../api/model';
import { useFormat } from '../i18n/format';

type Decision = NonNullable<Work['why']>;

/** WhyLines explains an assignment: the work's priority, the agent's score, who else there was. */
export function WhyLines({ why, names = {} }: { why: Decision; names?: Record<string, string> }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const n = (value: number) => number(value, 2);
  const { priority: p, score: s } = why;
  return (
    <ul className="why">
      {why.by && <li>{t('queues.byHand', { who: why.by })}</li>}
      <li>{t('queues.p', { p: n(why.p), urgency: n(p.urgency), age: n(p.age), signals: n(p.emotion + p.vip + p.complaint + p.repeat) })}</li>
      <li>{t('queues.s', { s: n(why.s), skill: n(s.skill), room: n(s.room), same: n(s.same), idle: n(s.idle), fairness: n(s.fairness) })}</li>
      {why.losers && why.losers.length > 0 && <li>{t('queues.losers', { names: why.losers.map((l) => `${names[l.agent] ?? l.agent} (${l.s > 0 ? n(l.s) : l.reason})`).join(', ') })}</li>}
    </ul>
  );
}
