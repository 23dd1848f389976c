import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { Heat, HeatPart, LiveCall } from '../api/model';
import { heat as heatOf } from '../api/queries';
import { useQueueName } from '../api/queues';
import { clock, firstOf, useFormat } from '../i18n/format';
import { useNames } from '../phone/control';
import { Icon, type IconName } from './Icon';
import { SuperviseKeys } from './Supervise';
import './heat.css';

const icons: Record<HeatPart['kind'], IconName> = { emotion: 'heart', sla: 'queues', silence: 'gap', hold: 'pause', repeat: 'rewind' };

/** needs are the entries that need somebody now, of calls that are still there. */
export function needs(items: readonly Heat[], calls: readonly LiveCall[]): { item: Heat; call: LiveCall }[] {
  return items.flatMap((item) => {
    const call = calls.find((one) => one.id === item.call && one.state !== 'ended');
    return call && item.heat >= 0.5 ? [{ item, call }] : [];
  });
}

function Part({ part }: { part: HeatPart }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const value = part.kind === 'silence' || part.kind === 'hold' ? clock(part.value * 1000) : part.kind === 'repeat' ? number(part.value) : t('unit.percent', { value: number(part.value * 100, 0) });
  return (
    <li className={part.score >= 0.5 ? 'heat-part heat-hot' : 'heat-part'}>
      <Icon name={icons[part.kind]} size={14} />
      <span>{t(`callwork.heat.${part.kind}`)}</span>
      <span className="num">{value}</span>
      <span className="heat-score" title={t('callwork.heat.score', { value: number(part.score, 2) })} aria-hidden="true">
        <i style={{ inlineSize: `${part.score * 100}%` }} />
      </span>
    </li>
  );
}

/** HeatList is which calls need a supervisor now: the greatest of the parts counts, all are shown. */
export function HeatList({ calls }: { calls: readonly LiveCall[] }) {
  const { t } = useTranslation();
  const { data } = useQuery(heatOf);
  const queueName = useQueueName();
  const people = useNames();
  const hot = needs(data ?? [], calls).slice(0, 6);
  if (hot.length === 0) return null;
  return (
    <section className="card heat" aria-labelledby="heat-title">
      <div className="card-head">
        <h2 id="heat-title">{t('callwork.heat.title')}</h2>
        <span className="muted num">{hot.length}</span>
      </div>
      <ul>
        {hot.map(({ item, call }) => (
          <li key={item.call} className="heat-row">
            <span className="heat-value num" data-grade={item.heat >= 0.8 ? 'poor' : 'fair'} aria-label={t('callwork.heat.score', { value: Math.round(item.heat * 100) / 100 })}>
              {Math.round(item.heat * 100)}
            </span>
            <Link to="/live/$callId" params={{ callId: call.id }} className="heat-who">
              <strong>{firstOf(call.from_name, call.from)}</strong>
              <span className="muted">{firstOf(people[call.agent ?? ''], call.agent, call.queue && queueName(call.queue), call.to)}</span>
            </Link>
            <ul className="heat-parts">
              {item.parts.map((part) => (
                <Part key={part.kind} part={part} />
              ))}
            </ul>
            <SuperviseKeys call={call} />
          </li>
        ))}
      </ul>
    </section>
  );
}
