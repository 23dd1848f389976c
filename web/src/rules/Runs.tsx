import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../i18n/format';
import { runs } from './api';
import { useDone } from './words';

/** Runs is what a rule or macro did, the latest first. */
export function Runs({ kind, name }: { kind: 'rule' | 'macro'; name: string }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const say = useDone();
  const { data } = useQuery(runs(kind, name));
  if (!data || data.length === 0) return null;
  return (
    <section className="rule-runs">
      <h3>{t('rules.runs')}</h3>
      <ul>
        {data.slice(0, 20).map((run) => (
          <li key={run.id}>
            <span className="muted num">{dateTime(run.at)}</span>{' '}
            {run.object === 'ticket' ? (
              <Link to="/tickets/$ticketId" params={{ ticketId: run.object_id }}>
                #{run.object_id}
              </Link>
            ) : run.object === 'conversation' ? (
              <Link to="/inbox/$conversation" params={{ conversation: run.object_id }}>
                {t('rules.group.conversation')} {run.object_id}
              </Link>
            ) : (
              <span>
                {t(`rules.group.${run.object}`)} {run.object_id.slice(0, 8)}
              </span>
            )}{' '}
            {run.kind === 'macro' && <span className="muted">{run.actor}</span>} {run.state === 'refused' ? <span className="macro-refused">{t(`rules.why.${run.reason}`, run.reason ?? '')}</span> : run.steps.map((step) => say(step)).join(' · ')}
            {run.state === 'undone' && <span className="tag">{t('rules.isUndone')}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
