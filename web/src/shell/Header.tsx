import { Link, useNavigate } from '@tanstack/react-router';
import type { MenuProps } from 'antd';
import { useTranslation } from 'react-i18next';
import type { User } from '../api/model';
import { useLink } from '../call/hooks';
import { setLanguage } from '../i18n';
import { Icon, Mark, type IconName } from '../parts/Icon';
import { Dropdown, Tooltip } from '../parts/hung';
import { setTheme, useChoice, type Choice } from '../theme/theme';
import { PhoneState } from '../phone/PhoneState';
import { Bell } from '../rules/Bell';
import { AgentMenu } from './AgentMenu';
import { useLogout } from './logout';
import { hears, homeOf, works } from './roles';

const themeIcons: Record<Choice, IconName> = { auto: 'half', light: 'sun', dark: 'moon' };

/** ConnectionState is always in sight: colour, shape and words. */
function ConnectionState() {
  const { t } = useTranslation();
  const link = useLink();
  return (
    <Tooltip title={t(`link.${link}Hint`)} placement="bottom">
      <span className={`link link-${link}`} role="status" tabIndex={0}>
        <span className="link-dot" aria-hidden="true" />
        <span className="link-words">{t(`link.${link}`)}</span>
      </span>
    </Tooltip>
  );
}

function ThemeMenu() {
  const { t } = useTranslation();
  const choice = useChoice();
  const items: MenuProps['items'] = (['auto', 'light', 'dark'] as const).map((key) => ({ key, label: t(`header.${key}`), icon: <Icon name={themeIcons[key]} size={16} /> }));
  return (
    <Dropdown trigger={['click']} menu={{ items, selectable: true, selectedKeys: [choice], onClick: ({ key }) => setTheme(key as Choice) }}>
      <button type="button" className="round" aria-label={t('header.theme')} title={t('header.theme')}>
        <Icon name={themeIcons[choice]} />
      </button>
    </Dropdown>
  );
}

function LanguageSwitch() {
  const { i18n, t } = useTranslation();
  const chinese = i18n.language === 'zh-CN';
  return (
    <button type="button" className="round language" lang={chinese ? 'en' : 'zh-CN'} title={t('header.language')} onClick={() => void setLanguage(chinese ? 'en' : 'zh-CN')}>
      <span className="hidden">{t('header.language')}: </span>
      {chinese ? 'EN' : '中'}
    </button>
  );
}

function UserMenu({ user, onHelp }: { user: User; onHelp: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const logout = useLogout();
  const items: MenuProps['items'] = [
    { key: 'who', type: 'group', label: `${user.name || user.username} · ${t(`role.${user.role}`)}` },
    { key: 'account', label: t('header.password'), icon: <Icon name="lock" size={16} />, onClick: () => void navigate({ to: '/settings' }) },
    { key: 'keys', label: t('header.keys'), icon: <Icon name="keyboard" size={16} />, onClick: onHelp },
    { type: 'divider' },
    { key: 'logout', label: t('header.logout'), icon: <Icon name="exit" size={16} />, onClick: () => logout.mutate() },
  ];
  return (
    <Dropdown trigger={['click']} menu={{ items }} placement="bottomRight">
      <button type="button" className="round" aria-label={t('header.account')} title={t('header.account')}>
        <Icon name="user" />
      </button>
    </Dropdown>
  );
}

/** Header is what is always at hand: one's own state, telephone and connection, and how the pages look. */
export function Header({ user, onHelp }: { user: User; onHelp: () => void }) {
  return (
    <header className="top">
      <Link to={homeOf(user.role)} className="brand" aria-label="听心 Tingxin">
        <Mark size={26} />
        <span className="brand-name">
          听心 <em>Tingxin</em>
        </span>
      </Link>
      <div className="top-end">
        {works(user.role) && <AgentMenu />}
        {works(user.role) && <PhoneState />}
        {hears(user.role) && <ConnectionState />}
        {works(user.role) && <Bell />}
        <LanguageSwitch />
        <ThemeMenu />
        <UserMenu user={user} onHelp={onHelp} />
      </div>
    </header>
  );
}
