import { useInfiniteQuery, useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Button, Form, Input, InputNumber, Modal, Segmented, Select, Switch } from 'antd';
import { useCallback, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { base, request } from '../api/client';
import { problemKey } from '../api/problem';
import { session } from '../api/queries';
import { useChannel, useNow } from '../call/hooks';
import { useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { More } from '../parts/More';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { DueMark } from '../parts/TicketMarks';
import { Title } from '../parts/Title';
import { useMessage } from '../parts/messages';
import { leads } from '../shell/roles';
import '../pages/calls.css';
import '../pages/tickets.css';
import { areas, caseCounts, cases, caseStates, causes, kinds, report, said, sources, summary, tabs, topics, walk, type CaseRow, type Cause, type FeedbackFilter, type Item, type Tab, type Theme } from './api';
import './feedback.css';
import { label, Score, useCauseName, wordless } from './marks';
import { NPSBar, Surveys } from './Surveys';

type Change = (part: FeedbackFilter) => void;

const spans = [7, 30, 90, 366];

/** Place leads to the contact that an item is about. */
function Place({ reason }: { reason: string | undefined }) {
  const { t } = useTranslation();
  const [kind, id = ''] = (reason ?? '').split(':');
  if (kind === 'conversation') return <Link to="/inbox/$conversation" params={{ conversation: id }}>{t('feedback.about.conversation')}</Link>;
  if (kind === 'call') return <Link to="/calls/$callId" params={{ callId: id }}>{t('feedback.about.call')}</Link>;
  if (kind === 'ticket') return <Link to="/tickets/$ticketId" params={{ ticketId: id }}>{t('feedback.about.ticket', { id })}</Link>;
  return null;
}

function Line({ item }: { item: Item }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  return (
    <li className="said-line">
      <Score item={item} />
      <div className="said-words">
        <p className="said-body">{item.text || <span className="muted">{t('feedback.noWords')}</span>}</p>
        <p className="said-about muted">
          {[...item.chips, ...item.topics.map((topic) => t(`feedback.topics.${topic}`, topic))].map((word) => (
            <span key={word} className="tag">
              {word}
            </span>
          ))}
          {item.complaint >= 0.6 && item.kind !== 'complaint' && <span className="tag tag-poor">{t('feedback.seemsComplaint')}</span>}
          {item.contact ? (
            <Link to="/contacts/$contactId" params={{ contactId: String(item.contact) }}>
              {(item.contact_name ?? '') || t('feedback.customer')}
            </Link>
          ) : null}
          <Place reason={item.reason} />
          {item.case ? (
            <Link to="/cases/$caseId" params={{ caseId: String(item.case) }}>
              C-{item.case}
            </Link>
          ) : null}
          <time className="num" dateTime={item.at}>
            {dateTime(item.at)}
          </time>
        </p>
      </div>
    </li>
  );
}

/** Bars are how often each score was given. */
function Bars({ values, from, name }: { values: readonly number[]; from: number; name: string }) {
  const most = Math.max(1, ...values);
  return (
    <ul className="score-bars" aria-label={name}>
      {values.map((n, i) => (
        <li key={i}>
          <span className="num">{i + from}</span>
          <span className="score-bar" aria-hidden="true">
            <span style={{ inlineSize: `${(100 * n) / most}%` }} />
          </span>
          <span className="num muted">{n}</span>
        </li>
      ))}
    </ul>
  );
}

function Themes({ themes, name, change, words }: { themes: readonly Theme[]; name: string; words: (theme: string) => string; change?: (theme: string) => void }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  return (
    <section className="card summary-card">
      <h2>{name}</h2>
      {themes.length === 0 && <p className="muted">{t('feedback.noThemes')}</p>}
      <ul className="themes">
        {themes.slice(0, 8).map((theme) => (
          <li key={theme.name}>
            {change ? (
              <button type="button" className="link" onClick={() => change(theme.name)}>
                {words(theme.name)}
              </button>
            ) : (
              <span>{words(theme.name)}</span>
            )}
            <span className="num muted">{t('feedback.ofBad', { n: number(theme.n), bad: number(theme.bad) })}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Said({ filter, change }: { filter: FeedbackFilter; change: Change }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const list = useInfiniteQuery(said(filter));
  const sum = useQuery(summary(filter)).data;
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const choose = (name: 'kind' | 'source' | 'topic', values: readonly string[], words: string) => (
    <Select className="ticket-filter" allowClear aria-label={t(`feedback.${name}`)} placeholder={t(`feedback.${name}`)} value={filter[name]} options={values.map((value) => ({ value, label: t(`feedback.${words}.${value}`) }))} onChange={(value?: string) => change({ [name]: value })} />
  );
  return (
    <>
      <search className="filters card">
        <Input.Search className="filter-words" allowClear defaultValue={filter.q} placeholder={t('feedback.search')} aria-label={t('feedback.search')} onSearch={(q) => change({ q: q.trim() || undefined })} />
        {choose('kind', kinds, 'kinds')}
        {choose('source', sources, 'sources')}
        {choose('topic', topics, 'topics')}
        <Select className="ticket-filter" aria-label={t('feedback.span')} value={filter.days ?? 30} options={spans.map((value) => ({ value, label: t('feedback.days', { count: value }) }))} onChange={(days: number) => change({ days })} />
        <button type="button" className="chip" aria-pressed={!!filter.bad} onClick={() => change({ bad: filter.bad ? undefined : true })}>
          {t('feedback.bad')}
        </button>
      </search>
      {sum && (
        <div className="summary">
          <section className="card summary-card">
            <h2>{t('feedback.kinds.csat')}</h2>
            <p className="summary-number num">{sum.csat_mean === undefined ? '–' : number(sum.csat_mean, 2)}{sum.csat_mean !== undefined && <small className="muted"> {t('look.outOf', { most: 5, count: sum.csat.reduce((all, n) => all + n, 0) })}</small>}</p>
            <Bars values={sum.csat} from={1} name={t('feedback.distribution')} />
          </section>
          <section className="card summary-card">
            <h2>{t('feedback.kinds.nps')}</h2>
            {sum.nps_figures ? <NPSBar figures={sum.nps_figures} /> : <p className="summary-number num">–</p>}
            <Bars values={sum.nps} from={0} name={t('feedback.distribution')} />
          </section>
          <Themes themes={sum.themes} name={t('feedback.themes')} words={(topic) => t(`feedback.topics.${topic}`, topic)} change={(topic) => change({ topic })} />
          <Themes themes={sum.chips} name={t('feedback.chips')} words={(chip) => chip} />
        </div>
      )}
      {list.error && <Failed error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Waiting rows={6} />}
      {list.data && items.length === 0 && <Empty icon="words" title={t('feedback.none')} hint={t('feedback.noneHint')} />}
      {items.length > 0 && (
        <ul className="card said-items">
          {items.map((item) => (
            <Line key={item.id} item={item} />
          ))}
        </ul>
      )}
      <More of={list} />
    </>
  );
}

function CaseLine({ row, now }: { row: CaseRow; now: number }) {
  const { t } = useTranslation();
  const cause = useCauseName();
  return (
    <li>
      <Link className="case-row archive-row-link" to="/cases/$caseId" params={{ caseId: String(row.id) }}>
        <span className="num muted">C-{row.id}</span>
        <span className="ticket-subject">
          {wordless(row.title) ? <span className="muted">{t('feedback.noWords')}</span> : <strong>{row.title}</strong>}
          <small className="muted">
            {[row.contact_name, t(`feedback.openedBy.${row.opened_by}`), row.cause ? cause(row.cause) : '', row.product].filter(Boolean).join(' · ')}
          </small>
        </span>
        <span className="ticket-marks">
          <span className={`tag case-state case-${row.state}`}>{t(row.outcome ? `feedback.outcomes.${row.outcome}` : `feedback.states.${row.state}`)}</span>
          {row.legal && <span className="tag tag-poor">{t('feedback.legal')}</span>}
          {row.waits && <span className="tag tag-fair">{t('feedback.waits')}</span>}
        </span>
        <span className="case-next">{t(`feedback.next.${row.state}`)}</span>
        <DueMark due={row.next_due} now={now} spent={0} />
      </Link>
    </li>
  );
}

function Cases({ filter, change, lead }: { filter: FeedbackFilter; change: Change; lead: boolean }) {
  const { t } = useTranslation();
  const now = useNow();
  const cause = useCauseName();
  const list = useInfiniteQuery(cases(filter));
  const counts = useQuery(caseCounts).data;
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const chip = (on: boolean, words: string, click: () => void) => (
    <button type="button" className="chip" aria-pressed={on} onClick={click}>
      {words}
    </button>
  );
  const of = (state: string) => (lead ? counts?.all : counts?.mine)?.[state] ?? 0;
  return (
    <>
      <search className="filters card">
        <Select
          className="case-filter"
          allowClear
          aria-label={t('feedback.state')}
          placeholder={t('feedback.state')}
          value={filter.state}
          options={caseStates.map((value) => ({ value, label: `${t(`feedback.states.${value}`)} (${of(value)})` }))}
          onChange={(state?: string) => change({ state })}
        />
        <div className="chips">
          {lead && chip(filter.owner === 'me', t('feedback.mine'), () => change({ owner: filter.owner === 'me' ? undefined : 'me' }))}
          {lead && chip(filter.owner === 'nobody', t('feedback.nobody'), () => change({ owner: filter.owner === 'nobody' ? undefined : 'nobody' }))}
          {chip(!!filter.late, t('feedback.late'), () => change({ late: filter.late ? undefined : true }))}
          {chip(!!filter.waiting, t('feedback.waits'), () => change({ waiting: filter.waiting ? undefined : true }))}
          {(['unverified', 'unreachable'] as const).map((outcome) => (
            <span key={outcome}>{chip(filter.outcome === outcome, t(`feedback.outcomes.${outcome}`), () => change({ outcome: filter.outcome === outcome ? undefined : outcome }))}</span>
          ))}
          {filter.cause && chip(true, `${t('feedback.cause')}: ${filter.cause === '-' ? t('feedback.noCause') : cause(filter.cause)} ×`, () => change({ cause: undefined }))}
          {filter.product && chip(true, `${t('feedback.product')}: ${filter.product} ×`, () => change({ product: undefined }))}
          {filter.process && chip(true, `${t('feedback.process')}: ${filter.process} ×`, () => change({ process: undefined }))}
        </div>
      </search>
      {list.error && <Failed error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Waiting rows={6} />}
      {list.data && rows.length === 0 && <Empty icon="heart" title={t('feedback.noCases')} hint={t(lead ? 'feedback.noCasesHint' : 'feedback.noOwnCases')} />}
      {rows.length > 0 && (
        <ul className="card archive">
          {rows.map((row) => (
            <CaseLine key={row.id} row={row} now={now} />
          ))}
        </ul>
      )}
      <More of={list} />
    </>
  );
}

function CauseReport({ filter, change }: { filter: FeedbackFilter; change: Change }) {
  const { t, i18n } = useTranslation();
  const { number } = useFormat();
  const days = filter.days ?? 90;
  const { data, error, isPending, refetch } = useQuery(report(days));
  const share = (v: number | undefined) => (v === undefined ? '–' : t('unit.percent', { value: number(100 * v) }));
  const hours = (v: number | undefined) => (v === undefined ? '–' : v >= 48 ? t('feedback.inDays', { value: number(v / 24, 1) }) : t('feedback.inHours', { value: number(v, 1) }));
  const better = (v: number | undefined) => (v === undefined ? '–' : `${v > 0 ? '+' : ''}${number(v, 1)}`);
  const totals = data?.totals;
  return (
    <>
      <div className="report-bar">
        <Segmented value={days} options={spans.map((value) => ({ value, label: t('feedback.days', { count: value }) }))} onChange={(n) => change({ days: n })} />
        <a className="chip" href={`${base}/reports/causes.csv?since=${encodeURIComponent(new Date(Date.now() - days * 86_400_000).toISOString())}`} download>
          <Icon name="download" size={14} />
          CSV
        </a>
      </div>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {isPending && <Waiting rows={5} />}
      {totals && (
        <dl className="totals card">
          {(
            [
              ['cases', number(totals.cases)],
              ['closureRate', share(totals.closure_rate)],
              ['timeToClose', hours(totals.hours)],
              ['uplift', better(totals.uplift)],
              ['reopened', number(totals.reopened)],
              ['unverified', number(totals.unverified)],
              ['unreachable', number(totals.unreachable)],
              ['acknowledged', share(totals.acknowledged)],
              ['contacted', share(totals.contacted)],
              ['answered', share(totals.answered)],
            ] as const
          ).map(([name, value]) => (
            <div key={name}>
              <dt>{t(`feedback.totals.${name}`)}</dt>
              <dd className="num">{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {data?.rows.length === 0 && <Empty icon="chart" title={t('feedback.noCases')} hint={t('feedback.noCasesHint')} />}
      {data && data.rows.length > 0 && (
        <div className="card report-scroll">
          <table className="report-table">
            <thead>
              <tr>
                {(['cause', 'product', 'process'] as const).map((name) => (
                  <th key={name} scope="col">
                    {t(`feedback.${name}`)}
                  </th>
                ))}
                {(['cases', 'verified', 'reopened', 'timeToClose', 'uplift'] as const).map((name) => (
                  <th key={name} scope="col" className="report-num">
                    {t(`feedback.totals.${name}`)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.rows.map((row) => (
                <tr key={`${row.cause}|${row.product}|${row.process}`}>
                  <th scope="row">
                    <button type="button" className="link" onClick={() => change({ tab: 'cases', cause: row.cause || '-', product: row.product || '-', process: row.process || '-', days })}>
                      {row.cause ? label(row, i18n.language) : t('feedback.noCause')}
                    </button>
                    {row.area && <small className="muted"> {t(`feedback.areas.${row.area}`)}</small>}
                  </th>
                  <td>{row.product || '–'}</td>
                  <td>{row.process || '–'}</td>
                  <td className="num">{number(row.cases)}</td>
                  <td className="num">{number(row.closed)}</td>
                  <td className="num">{number(row.reopened)}</td>
                  <td className="num">{hours(row.hours)}</td>
                  <td className="num">{better(row.uplift)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

/** EditCause adds or changes a cause. */
function EditCause({ cause, all, onClose }: { cause?: Cause; all: readonly Cause[]; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const [form] = Form.useForm<Cause>();
  const parent = Form.useWatch('parent', form);
  const above = all.find((one) => one.code === parent);
  const put = useMutation({
    mutationFn: ({ code, ...body }: Cause) => request(`/causes/${code}`, { method: 'PUT', body: { ...body, area: above?.area ?? body.area, parent: (body.parent ?? '') || undefined } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['feedback', 'causes'] });
      onClose();
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  const required = { required: true, whitespace: true, message: t('settings.required') };
  return (
    <Modal open title={t(cause ? 'feedback.changeCause' : 'feedback.addCause')} okText={t('feedback.save')} cancelText={t('settings.cancel')} confirmLoading={put.isPending} onCancel={onClose} onOk={() => form.submit()}>
      <Form form={form} layout="vertical" requiredMark={false} autoComplete="off" initialValues={cause ?? { area: 'product', ord: 50 }} onFinish={(body) => put.mutate({ ...body, code: cause?.code ?? body.code })}>
        <Form.Item name="code" label={t('feedback.code')} rules={[required, { pattern: /^[a-z0-9][a-z0-9_-]{0,63}$/, message: t('feedback.codeHint') }]}>
          <Input disabled={!!cause} maxLength={64} />
        </Form.Item>
        <Form.Item name="label_zh" label={t('feedback.labelZH')} rules={[required]}>
          <Input maxLength={60} />
        </Form.Item>
        <Form.Item name="label_en" label={t('feedback.labelEN')} rules={[required]}>
          <Input maxLength={60} />
        </Form.Item>
        <Form.Item name="parent" label={t('feedback.parent')}>
          <Select allowClear options={walk(all).filter((at) => at.cause.code !== cause?.code).map((at) => ({ value: at.cause.code, label: `${'\u2003'.repeat(at.depth)}${label(at.cause, i18n.language)}` }))} />
        </Form.Item>
        {!above && (
          <Form.Item name="area" label={t('feedback.area')}>
            <Select options={areas.map((value) => ({ value, label: t(`feedback.areas.${value}`) }))} />
          </Form.Item>
        )}
        <Form.Item name="ord" label={t('feedback.order')}>
          <InputNumber min={0} max={10000} />
        </Form.Item>
        <Form.Item name="retired" label={t('feedback.retired')} extra={t('feedback.retiredHint')} valuePropName="checked">
          <Switch />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function CauseTree({ admin }: { admin: boolean }) {
  const { t, i18n } = useTranslation();
  const { data, error, isPending, refetch } = useQuery(causes);
  const [edit, setEdit] = useState<Cause | 'new' | null>(null);
  return (
    <>
      {admin && (
        <div className="page-acts">
          <Button type="primary" onClick={() => setEdit('new')}>
            {t('feedback.addCause')}
          </Button>
        </div>
      )}
      {error && <Failed error={error} retry={() => void refetch()} />}
      {isPending && <Waiting rows={8} />}
      {data && (
        <ul className="card cause-tree">
          {walk(data).map(({ cause, depth }) => (
            <li key={cause.code} className={cause.retired ? 'cause-retired' : ''} style={{ paddingInlineStart: 16 + 22 * depth }}>
              <span className={depth === 0 ? 'cause-top' : ''}>{label(cause, i18n.language)}</span>
              <code className="muted">{cause.code}</code>
              {cause.retired && <span className="tag">{t('feedback.retired')}</span>}
              <span className="cause-end">
                <span className="muted num">{t('feedback.caseCount', { count: cause.cases })}</span>
                {admin && (
                  <Button size="small" onClick={() => setEdit(cause)} aria-label={t('settings.editUser', { name: label(cause, i18n.language) })}>
                    {t('feedback.change')}
                  </Button>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
      {edit && <EditCause cause={edit === 'new' ? undefined : edit} all={data ?? []} onClose={() => setEdit(null)} />}
    </>
  );
}

/** FeedbackPage is what customers say of us, the cases that follow from it, and why. */
export function FeedbackPage() {
  const { t } = useTranslation();
  const filter = useSearch({ from: '/shell/feedback' });
  const navigate = useNavigate();
  const client = useQueryClient();
  const role = useSuspenseQuery(session).data?.user.role;
  const lead = leads(role);
  const shown = tabs.filter((tab) => lead || tab === 'said' || tab === 'cases');
  const tab: Tab = shown.find((one) => one === filter.tab) ?? 'said';
  const change = useMemo<Change>(() => (part) => void navigate({ to: '/feedback', search: { ...filter, ...part }, replace: true }), [navigate, filter]);
  useChannel(
    'feedback',
    useCallback(() => void client.invalidateQueries({ queryKey: ['feedback'] }), [client]),
  );
  return (
    <div className="page">
      <Title>{t('feedback.title')}</Title>
      <div className="page-head">
        <h1>{t('feedback.title')}</h1>
        <Segmented aria-label={t('feedback.title')} value={tab} options={shown.map((value) => ({ value, label: t(`feedback.tabs.${value}`) }))} onChange={(value: Tab) => void navigate({ to: '/feedback', search: { tab: value } })} />
      </div>
      {tab === 'said' && <Said filter={filter} change={change} />}
      {tab === 'cases' && <Cases filter={filter} change={change} lead={lead} />}
      {tab === 'surveys' && <Surveys filter={filter} change={change} admin={role === 'admin'} />}
      {tab === 'report' && <CauseReport filter={filter} change={change} />}
      {tab === 'causes' && <CauseTree admin={role === 'admin'} />}
    </div>
  );
}
