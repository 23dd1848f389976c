import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { callbacks } from '../api/line';
import { session } from '../api/queries';
import { may } from '../shell/roles';
import { useHere } from './here';
import './calltabs.css';

const places = [
  { to: '/calls', key: 'archive' },
  { to: '/calls/voicemail', key: 'voicemail' },
  { to: '/calls/callbacks', key: 'callbacks' },
  { to: '/calls/lists', key: 'lists' },
  { to: '/calls/surveys', key: 'surveys' },
] as const;

/** CallTabs leads to what belongs to calls: those of the past, messages, call-backs, and for supervisors answers to surveys. */
export function CallTabs() {
  const { t } = useTranslation();
  const { data } = useSuspenseQuery(session);
  const waiting = useQuery(callbacks).data?.length ?? 0;
  const row = useHere();
  const lead = may(data?.user.role, 'queues');
  return (
    <nav ref={row} className="tab-row" aria-label={t('calldesk.tabs.label')}>
      {places.map(
        ({ to, key }) =>
          ((key !== 'surveys' && key !== 'lists') || lead) && (
            <Link key={key} to={to} className="tab-link" activeOptions={{ exact: key !== 'lists', includeSearch: false }} activeProps={{ className: 'tab-link tab-here' }}>
              {t(`calldesk.tabs.${key}`)}
              {key === 'callbacks' && waiting > 0 && <span className="call-tab-count num">{waiting}</span>}
            </Link>
          ),
      )}
    </nav>
  );
}
