import { useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Segmented } from 'antd';
import { useTranslation } from 'react-i18next';
import { session } from '../api/queries';
import { BotIntents } from '../parts/BotIntents';
import { BotPolicy } from '../parts/BotPolicy';
import { BotReport } from '../parts/BotReport';
import { BotTester } from '../parts/BotTester';
import { BotTools } from '../parts/BotTools';
import { Empty } from '../parts/Notice';
import { Title } from '../parts/Title';
import { may } from '../shell/roles';
import './bot.css';

const tabs = ['test', 'intents', 'policy', 'tools', 'report'] as const;

/** BotPage: talk to the bot and see why, teach it, say when a person takes over, and what share it has. */
export function BotPage() {
  const { t } = useTranslation();
  const { tab } = useSearch({ from: '/shell/bot' });
  const navigate = useNavigate();
  const { data } = useSuspenseQuery(session);
  if (!may(data?.user.role, 'articles')) {
    return (
      <div className="page">
        <Title>{t('bot.title')}</Title>
        <Empty icon="lock" title={t('bot.forbidden')} />
      </div>
    );
  }
  const here = tabs.find((name) => name === tab) ?? 'test';
  return (
    <div className="page bot">
      <Title>{t('bot.title')}</Title>
      <div className="page-head">
        <h1>{t('bot.title')}</h1>
        <Segmented aria-label={t('bot.title')} value={here} options={tabs.map((value) => ({ value, label: t(`bot.tab.${value}`) }))} onChange={(value) => void navigate({ to: '/bot', search: { tab: value }, replace: true })} />
      </div>
      {here === 'test' && <BotTester />}
      {here === 'intents' && <BotIntents />}
      {here === 'policy' && <BotPolicy />}
      {here === 'tools' && <BotTools admin={may(data?.user.role, 'users')} />}
      {here === 'report' && <BotReport />}
    </div>
  );
}
