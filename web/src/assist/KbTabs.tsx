import { useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { session } from '../api/queries';
import { useHere } from '../parts/here';
import { may } from '../shell/roles';
import './assist.css';

const tabs = [
  { to: '/kb', key: 'articles', edits: false },
  { to: '/kb/suggestions', key: 'suggestions', edits: true },
  { to: '/kb/unanswered', key: 'unanswered', edits: true },
  { to: '/kb/health', key: 'health', edits: true },
  { to: '/kb/snippets', key: 'snippets', edits: false },
  { to: '/kb/scripts', key: 'scripts', edits: false },
  { to: '/kb/practice', key: 'practice', edits: false },
] as const;

/** KbTabs are the pages of knowledge, as far as one may see them. */
export function KbTabs() {
  const { t } = useTranslation();
  const { data } = useSuspenseQuery(session);
  const row = useHere();
  const edits = may(data?.user.role, 'articles');
  return (
    <nav ref={row} className="tab-row" aria-label={t('nav.kb')}>
      {tabs
        .filter((tab) => edits || !tab.edits)
        .map((tab) => (
          <Link key={tab.to} to={tab.to} activeOptions={{ exact: true, includeSearch: false }} className="tab-link" activeProps={{ className: 'tab-link tab-here', 'aria-current': 'page' }}>
            {t(`assist.tab.${tab.key}`)}
          </Link>
        ))}
    </nav>
  );
}
