import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Button, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { session } from '../api/queries';
import { useFormat } from '../i18n/format';
import { languages } from '../kb/queries';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { may } from '../shell/roles';
import { KbTabs } from './KbTabs';
import { unanswered, type Unanswered } from './learning';
import '../kb/kb.css';

function Origin({ of }: { of: Unanswered }) {
  const { t } = useTranslation();
  const name = t(`assist.source.${of.source}`);
  if (of.source === 'call') return <Link to="/calls/$callId" params={{ callId: of.subject }} search={{}}>{name}</Link>;
  if (of.source === 'conversation') return <Link to="/inbox/$conversation" params={{ conversation: of.subject }} search={{}}>{name}</Link>;
  if (of.source === 'ticket') return <Link to="/tickets/$ticketId" params={{ ticketId: of.subject }}>{name}</Link>;
  return <span>{name}</span>;
}

/** UnansweredPage lists questions without a good answer, the last ones first. */
export function UnansweredPage() {
  const { t } = useTranslation();
  const { number, dateTime } = useFormat();
  const { data: who } = useSuspenseQuery(session);
  const edits = may(who?.user.role, 'articles');
  const [lang, setLang] = useState<string>();
  const [pages, setPages] = useState<number[]>([]);
  const list = useQuery({ ...unanswered(lang, pages.at(-1)), enabled: edits });
  return (
    <div className="page">
      <Title>{t('assist.tab.unanswered')}</Title>
      <div className="page-head">
        <h1>{t('assist.tab.unanswered')}</h1>
        {edits && (
          <span className="kb-actions">
            <Select
              aria-label={t('kb.lang')}
              allowClear
              placeholder={t('kb.lang')}
              value={lang}
              options={languages.map((value) => ({ value, label: t(`kb.langs.${value}`) }))}
              onChange={(value?: string) => {
                setLang(value);
                setPages([]);
              }}
              style={{ minWidth: 112 }}
            />
          </span>
        )}
      </div>
      <KbTabs />
      {!edits && <Empty icon="lock" title={t('kb.forbidden')} />}
      {edits && (
        <section className="card" aria-label={t('assist.tab.unanswered')}>
          {list.error && <Failed error={list.error} retry={() => void list.refetch()} />}
          {list.isPending && <Waiting rows={6} />}
          {list.data?.items.length === 0 && <Empty icon="search" title={t('assist.learn.allAnswered')} hint={t('assist.learn.noneHint')} />}
          <ul className="kb-list">
            {list.data?.items.map((one) => (
              <li key={one.id} className="kb-row">
                <span className="kb-row-title">
                  <span>{one.text}</span>
                  <span className="kb-row-marks">
                    <span className="tag">{t(`assist.learn.why.${one.why}`)}</span>
                    <span className="tag">{t(`kb.langs.${one.lang}`)}</span>
                  </span>
                </span>
                <span className="kb-row-facts muted num">
                  <span>{dateTime(one.at)}</span>
                  <Origin of={one} />
                  <span>{t('assist.learn.nearest', { p: number(100 * one.p) })}</span>
                  {one.handed && <span>{t('assist.learn.wasHanded')}</span>}
                  {one.cluster !== undefined && <Link to="/kb/suggestions">{t('assist.learn.inSuggestion')}</Link>}
                </span>
              </li>
            ))}
          </ul>
          {(pages.length > 0 || list.data?.next !== undefined) && (
            <p className="kb-pages assist-foot">
              <Button size="small" disabled={pages.length === 0} onClick={() => setPages(pages.slice(0, -1))}>
                {t('assist.learn.newer')}
              </Button>
              <Button size="small" disabled={list.data?.next === undefined} onClick={() => setPages([...pages, list.data?.next ?? 0])}>
                {t('assist.learn.older')}
              </Button>
            </p>
          )}
        </section>
      )}
    </div>
  );
}
