import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Button, Checkbox, Dropdown, Input, Modal, Pagination, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { base, request } from '../api/client';
import { Problem, problemKey } from '../api/problem';
import { session } from '../api/queries';
import { KbTabs } from '../assist/KbTabs';
import { useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { useMessage } from '../parts/messages';
import { may } from '../shell/roles';
import { articles, categories, languages, namesOf, pageSize, sorts, states, treeOf, types, type ArticleFilter, type Branch, type Import, type Listed, type State } from './queries';
import './kb.css';

export function StateTag({ state }: { state: State }) {
  const { t } = useTranslation();
  const kind = { draft: '', review: 'tag-ringing', live: 'tag-good', retired: 'tag-poor' }[state];
  return <span className={`tag ${kind}`}>{t(`kb.states.${state}`)}</span>;
}

function Node({ branch, chosen, choose, depth = 0 }: { branch: Branch; chosen: string; choose: (path: string) => void; depth?: number }) {
  const { t } = useTranslation();
  const here = chosen === branch.path;
  const inside = branch.path === '' || chosen === branch.path || chosen.startsWith(`${branch.path}/`);
  return (
    <li>
      <button type="button" className={`kb-node ${here ? 'kb-node-here' : ''}`} style={{ paddingInlineStart: 12 + 14 * depth }} aria-current={here || undefined} onClick={() => choose(branch.path)}>
        <span className="kb-node-name">{branch.path === '' ? t('kb.allCategories') : branch.name}</span>
        {branch.overdue > 0 && (
          <span className="kb-stale num" title={t('kb.overdueCount', { count: branch.overdue })}>
            {branch.overdue}
          </span>
        )}
        <span className="num muted">{branch.total}</span>
      </button>
      {inside && branch.children.length > 0 && (
        <ul>
          {branch.children.map((child) => (
            <Node key={child.path} branch={child} chosen={chosen} choose={choose} depth={depth + 1} />
          ))}
        </ul>
      )}
    </li>
  );
}

function Row({ item, category }: { item: Listed; category?: string }) {
  const { t } = useTranslation();
  const { day, number } = useFormat();
  const stale = item.state !== 'retired' && item.staleness >= 0.5;
  return (
    <li>
      <Link to="/kb/$articleId" params={{ articleId: String(item.id) }} className="kb-row">
        <span className="kb-row-title">
          <strong>{item.title}</strong>
          <span className="kb-row-marks">
            <StateTag state={item.state} />
            {item.live_version > 0 && item.state !== 'live' && <span className="tag tag-good">{t('kb.liveBelow', { version: item.live_version })}</span>}
            {item.audience === 'agent' && <span className="tag">{t('kb.audiences.agent')}</span>}
            {stale && <span className={item.review_by ? 'tag tag-ringing' : 'tag'}>{item.review_by ? t('kb.reviewBy', { day: item.review_by }) : t('kb.noReview')}</span>}
          </span>
        </span>
        <span className="kb-row-facts muted num">
          <span>{t(`kb.langs.${item.lang}`)}</span>
          <span>{t(`kb.types.${item.type}`)}</span>
          {category && <span>{category}</span>}
          <span>{t('kb.updated', { day: day(item.updated_at), by: item.updated_by })}</span>
          {item.owner && <span>{t('kb.ownedBy', { name: item.owner })}</span>}
          {item.up + item.down > 0 && <span title={t('kb.votes180')}>{t('look.solvedOf', { up: number(item.up), down: number(item.down) })}</span>}
        </span>
      </Link>
    </li>
  );
}

/** Importing takes a file in, looks at it first, and says what came of it. */
function Importing({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [publish, setPublish] = useState(false);
  const [report, setReport] = useState<{ checked: boolean; of: Import } | null>(null);
  const run = useMutation({
    mutationFn: (check: boolean) => request<Import>('/kb/import', { method: 'POST', query: { name: file?.name ?? '', publish: !check && publish, check }, body: file }),
    onSuccess: async (of, check) => {
      setReport({ checked: check, of });
      if (!check) await client.invalidateQueries({ queryKey: ['kb'] });
    },
    onError: (error) => void message.error(error instanceof Problem && error.status === 422 ? error.detail : t(problemKey(error))),
  });
  const done = report && !report.checked;
  return (
    <Modal open title={t('kb.import')} onCancel={onClose} okText={done ? t('kb.close') : t('kb.importNow')} cancelText={t('settings.cancel')} okButtonProps={{ disabled: !file }} confirmLoading={run.isPending} onOk={() => (done ? onClose() : run.mutate(false))}>
      <p className="muted">{t('kb.importHint')}</p>
      <input
        type="file"
        aria-label={t('kb.importFile')}
        accept=".csv,.jsonl,.md,.markdown,.html,.htm,.zip"
        className="kb-file"
        onChange={(event) => {
          setFile(event.target.files?.[0] ?? null);
          setReport(null);
        }}
      />
      <div className="kb-import-line">
        <Checkbox checked={publish} onChange={(event) => setPublish(event.target.checked)}>
          {t('kb.publishAtOnce')}
        </Checkbox>
        <Button size="small" disabled={!file || Boolean(done)} onClick={() => run.mutate(true)}>
          {t('kb.lookFirst')}
        </Button>
      </div>
      {report && (
        <div role="status" className="kb-report">
          <p>
            {t(report.checked ? 'kb.wouldBe' : 'kb.was', { created: report.of.created, updated: report.of.updated, same: report.of.same, published: report.of.published, questions: report.of.questions, failed: report.of.failed })}
          </p>
          <ul>
            {report.of.errors.slice(0, 50).map((error) => (
              <li key={error.where + error.reason}>
                <code>{error.where}</code> {error.reason}
              </li>
            ))}
          </ul>
        </div>
      )}
    </Modal>
  );
}

function Filters({ filter, change }: { filter: ArticleFilter; change: (part: ArticleFilter) => void }) {
  const { t } = useTranslation();
  const options = (name: string, values: readonly string[]) => values.map((value) => ({ value, label: t(`kb.${name}.${value}`) }));
  return (
    <div className="kb-filters">
      <Input.Search key={filter.q ?? ''} className="kb-find" allowClear defaultValue={filter.q} placeholder={t('kb.find')} aria-label={t('kb.find')} maxLength={200} onSearch={(q) => change({ q: q || undefined })} />
      <Select aria-label={t('kb.lang')} allowClear placeholder={t('kb.lang')} value={filter.lang} options={options('langs', languages)} onChange={(lang?: string) => change({ lang })} />
      <Select aria-label={t('kb.type')} allowClear placeholder={t('kb.type')} value={filter.type} options={options('types', types)} onChange={(type?: string) => change({ type })} />
      <Select aria-label={t('kb.state')} allowClear placeholder={t('kb.state')} value={filter.state} options={options('states', states)} onChange={(state?: string) => change({ state })} />
      <Select aria-label={t('kb.sort')} value={filter.sort ?? 'updated'} options={options('sorts', sorts)} onChange={(sort: string) => change({ sort })} />
      <Checkbox checked={filter.overdue ?? false} onChange={(event) => change({ overdue: event.target.checked || undefined })}>
        {t('kb.overdue')}
      </Checkbox>
    </div>
  );
}

/** ArticlesPage lists the articles beside the tree of their categories. */
export function ArticlesPage() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const filter = useSearch({ from: '/shell/kb' });
  const { data: who } = useSuspenseQuery(session);
  const edits = may(who?.user.role, 'articles');
  const lang = filter.lang ?? (i18n.language.startsWith('zh') ? 'zh' : 'en');
  // Without a language both are counted; the names are those of the reader's language.
  const zh = useQuery({ ...categories('zh'), enabled: filter.lang !== 'en' });
  const en = useQuery({ ...categories('en'), enabled: filter.lang !== 'zh' });
  const wanted = filter.lang ? [lang === 'zh' ? zh : en] : lang === 'zh' ? [en, zh] : [zh, en];
  const counted = wanted.flatMap((one) => one.data ?? []);
  const names = namesOf(treeOf(counted));
  const list = useQuery(articles(filter));
  const [importing, setImporting] = useState(false);
  const change = (part: ArticleFilter) => void navigate({ to: '/kb', search: (old) => ({ ...old, page: undefined, ...part }), replace: true });
  const formats = ['csv', 'jsonl', 'markdown', 'html', 'bitext'].map((format) => ({
    key: format,
    label: <a href={`${base}/kb/export?${new URLSearchParams({ format, ...(filter.lang && { lang: filter.lang }), ...(filter.category && { category: filter.category }) }).toString()}`}>{t(`kb.formats.${format}`)}</a>,
  }));
  return (
    <div className="page">
      <Title>{t('kb.title')}</Title>
      <div className="page-head">
        <h1>{t('kb.title')}</h1>
        <span className="kb-actions">
          <a className="kb-help" href="/help" target="_blank" rel="noreferrer">
            {t('kb.helpCentre')} ↗
          </a>
          {edits && (
            <>
              <Link to="/kb/thresholds">{t('kb.thresholds')}</Link>
              <Dropdown menu={{ items: formats }} trigger={['click']}>
                <Button icon={<Icon name="download" />}>{t('kb.export')}</Button>
              </Dropdown>
              <Button onClick={() => setImporting(true)}>{t('kb.import')}</Button>
              <Link to="/kb/$articleId" params={{ articleId: 'new' }} search={{ lang }}>
                <Button type="primary">{t('kb.add')}</Button>
              </Link>
            </>
          )}
        </span>
      </div>
      <KbTabs />
      <div className="kb-columns">
        <nav className="card kb-tree" aria-label={t('kb.categories')}>
          {wanted.every((one) => one.data) ? (
            <ul>
              <Node branch={treeOf(counted)} chosen={filter.category ?? ''} choose={(path) => change({ category: path || undefined })} />
            </ul>
          ) : (
            <Waiting rows={6} />
          )}
        </nav>
        <section className="card" aria-label={t('kb.articles')}>
          <Filters filter={filter} change={change} />
          {list.error && <Failed error={list.error} retry={() => void list.refetch()} />}
          {list.isPending && <Waiting rows={8} />}
          {list.data?.total === 0 && <Empty icon="book" title={t('kb.none')} hint={t('kb.noneHint')} />}
          <ul className="kb-list">
            {list.data?.items.map((item) => (
              <Row key={item.id} item={item} category={names.get(item.category) ?? item.category} />
            ))}
          </ul>
          {list.data && list.data.total > pageSize && <Pagination className="kb-pages" size="small" current={filter.page ?? 1} pageSize={pageSize} total={list.data.total} showSizeChanger={false} onChange={(page) => change({ page })} />}
        </section>
      </div>
      {importing && <Importing onClose={() => setImporting(false)} />}
    </div>
  );
}
