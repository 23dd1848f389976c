import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Colleague } from '../api/model';
import { lost } from '../api/problem';
import { colleagues } from '../api/queries';
import { Failed, Waiting } from '../parts/Notice';

/** reachableFirst orders them for calling: who can be reached first, then by name. */
export function reachableFirst(all: readonly Colleague[], language: string): Colleague[] {
  const name = (c: Colleague) => c.name || c.username;
  return all.toSorted((a, b) => Number(b.reachable) - Number(a.reachable) || name(a).localeCompare(name(b), language));
}

/** Colleagues lists whom one can call inside, with what can be done for each. */
export function Colleagues({ deeds, find = '' }: { deeds: (colleague: Colleague) => ReactNode; find?: string }) {
  const { t, i18n } = useTranslation();
  const { data, error, refetch } = useQuery(colleagues);
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting rows={3} />;
  const wanted = find.trim().toLowerCase();
  const found = reachableFirst(data, i18n.language).filter((c) => `${c.username} ${c.name}`.toLowerCase().includes(wanted));
  if (found.length === 0) return <p className="colleagues-none">{t(data.length === 0 ? 'desk.alone' : 'desk.noneFound')}</p>;
  return (
    <ul className="colleagues">
      {found.map((colleague) => (
        <li key={colleague.username}>
          <span className={`dot dot-${colleague.reachable ? 'good' : 'unknown'}`} role="img" aria-label={t(colleague.reachable ? 'desk.reachable' : 'desk.away')} title={t(colleague.reachable ? 'desk.reachable' : 'desk.away')} />
          <span className="colleague-who">
            <strong>{colleague.name || colleague.username}</strong>
            <span className="muted">
              {colleague.name && `${colleague.username} · `}
              {t(`role.${colleague.role}`)}
            </span>
          </span>
          {deeds(colleague)}
        </li>
      ))}
    </ul>
  );
}
