import { useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Segmented } from 'antd';
import { useTranslation } from 'react-i18next';
import { session } from '../api/queries';
import { OwnSecurity } from '../guard/OwnSecurity';
import { AccountSettings } from '../parts/AccountSettings';
import { KeySettings } from '../shell/KeySettings';
import { AgentSettings } from '../parts/AgentSettings';
import { QueueSettings } from '../parts/QueueSettings';
import { RetentionSettings } from '../parts/RetentionSettings';
import { Title } from '../parts/Title';
import { UserSettings } from '../parts/UserSettings';
import { may } from '../shell/roles';
import './settings.css';

const own = ['account', 'security'] as const;
const tabs = [...own, 'users', 'queues', 'agents', 'retention'] as const;

/** SettingsPage: one's own account for everybody, users, queues, agents and retention for administrators. */
export function SettingsPage() {
  const { t } = useTranslation();
  const { tab } = useSearch({ from: '/shell/settings' });
  const navigate = useNavigate();
  const { data } = useSuspenseQuery(session);
  const admin = may(data?.user.role, 'users');
  const shown = admin ? tabs : own;
  const here = shown.find((name) => name === tab) ?? 'account';
  return (
    <div className="page settings">
      <Title>{t('settings.title')}</Title>
      <div className="page-head">
        <h1>{t('settings.title')}</h1>
        <Segmented
          aria-label={t('settings.title')}
          value={here}
          options={shown.map((value) => ({ value, label: t(value === 'security' ? 'guard.tab' : `settings.${value}`) }))}
          onChange={(value) => void navigate({ to: '/settings', search: { tab: value }, replace: true })}
        />
      </div>
      {here === 'account' && data && <AccountSettings user={data.user} />}
      {here === 'account' && data && <KeySettings />}
      {here === 'security' && data && <OwnSecurity session={data} />}
      {here === 'users' && <UserSettings me={data?.user.id} />}
      {here === 'queues' && <QueueSettings />}
      {here === 'agents' && <AgentSettings />}
      {here === 'retention' && <RetentionSettings />}
    </div>
  );
}
