import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Button, Form, InputNumber, Segmented, Select, Switch } from 'antd';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { problemKey } from '../api/problem';
import { calendars } from '../api/queries';
import { useFormat } from '../i18n/format';
import { More } from '../parts/More';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { npsReport, schedule, surveys, surveyStates, type FeedbackFilter, type NPSFigures, type Schedule, type Survey } from './api';
import { Score } from './marks';

const spans = [30, 90, 366];
const numbers = [
  ['every_days', 7, 730],
  ['share', 1, 100],
  ['after_hours', 1, 720],
  ['per_day', 1, 10_000],
] as const;

/** NPSBar shows promoters, passives and detractors side by side, with the score and how sure it is. */
export function NPSBar({ figures }: { figures: NPSFigures }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const all = figures.promoters + figures.passives + figures.detractors;
  if (all === 0) return <p className="muted">{t('surveys.noAnswers')}</p>;
  const signed = (v: number) => `${v > 0 ? '+' : ''}${number(v)}`;
  return (
    <div className="nps">
      <p>
        <span className="summary-number num">{signed(figures.score)}</span>{' '}
        <span className="muted num">{t('surveys.interval', { low: signed(figures.low), high: signed(figures.high) })}</span>
      </p>
      <div className="nps-bar" aria-hidden="true">
        {(['detractors', 'passives', 'promoters'] as const).map((part) => figures[part] > 0 && <span key={part} className={`nps-${part}`} style={{ flexGrow: figures[part] }} />)}
      </div>
      <ul className="nps-parts">
        {(['detractors', 'passives', 'promoters'] as const).map((part) => (
          <li key={part}>
            <span className={`nps-dot nps-${part}`} aria-hidden="true" />
            {t(`surveys.${part}`)} <span className="num">{number(figures[part])}</span> <span className="muted num">({t('unit.percent', { value: number((100 * figures[part]) / all) })})</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Fields are the schedule as the form has it: no calendar is any hour. */
type Fields = Omit<Schedule, 'calendar'> & { calendar?: string };

function Settings({ value, admin }: { value: Schedule; admin: boolean }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const hours = useQuery(calendars).data ?? [];
  const save = useMutation({
    mutationFn: (body: Fields) => request<Schedule>('/feedback/schedule', { method: 'PUT', body: { ...body, calendar: body.calendar ?? '' } }),
    onSuccess: (body) => {
      client.setQueryData(schedule.queryKey, body);
      void message.success(t('settings.saved'));
    },
    onError: (problem) => void message.error(t(problemKey(problem))),
  });
  return (
    <section className="card survey-settings">
      <h2>{t('surveys.schedule')}</h2>
      <p className="muted">{t('surveys.scheduleHint')}</p>
      <Form layout="vertical" requiredMark={false} disabled={!admin} initialValues={{ ...value, calendar: value.calendar || undefined }} onFinish={(values: Fields) => save.mutate(values)}>
        <div className="survey-on">
          <Form.Item name="on" noStyle valuePropName="checked">
            <Switch id="survey-on" aria-labelledby="survey-on-label" />
          </Form.Item>
          <label id="survey-on-label" htmlFor="survey-on">
            {t('surveys.on')}
          </label>
        </div>
        <div className="survey-fields">
          {numbers.map(([name, min, max]) => (
            <Form.Item key={name} name={name} label={t(`surveys.${name}`)} rules={[{ required: true, message: t('settings.required') }]}>
              <InputNumber min={min} max={max} precision={0} suffix={t(`surveys.unit.${name}`)} style={{ width: '100%' }} />
            </Form.Item>
          ))}
          <Form.Item name="calendar" label={t('surveys.calendar')}>
            <Select allowClear placeholder={t('surveys.anyHour')} options={hours.map((one) => ({ value: one.name, label: one.name }))} />
          </Form.Item>
        </div>
        {admin && (
          <Button type="primary" htmlType="submit" loading={save.isPending}>
            {t('settings.save')}
          </Button>
        )}
      </Form>
    </section>
  );
}

function Line({ survey }: { survey: Survey }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const by = survey.made_by === 'schedule' ? t('surveys.bySchedule') : survey.made_by.startsWith('rule:') ? t('surveys.byRule', { name: survey.made_by.slice(5) }) : t('surveys.by', { name: survey.made_by });
  const [kind, id = ''] = (survey.reason ?? '').split(':');
  return (
    <li className="said-line">
      {survey.score === undefined ? <span className="tag">{t(`feedback.kinds.${survey.kind}`)}</span> : <Score item={survey} />}
      <div className="said-words">
        <p>
          <span className={`survey-state survey-${survey.state}`}>{t(`surveys.states.${survey.state}`)}</span>
          {survey.why && <span className="muted"> · {t(`surveys.why.${survey.why}`, survey.why)}</span>}
        </p>
        <p className="said-about muted">
          {survey.contact ? (
            <Link to="/contacts/$contactId" params={{ contactId: String(survey.contact) }}>
              {(survey.contact_name ?? '') || t('feedback.customer')}
            </Link>
          ) : null}
          {kind === 'ticket' ? (
            <Link to="/tickets/$ticketId" params={{ ticketId: id }}>
              {t('feedback.about.ticket', { id })}
            </Link>
          ) : null}
          {survey.conversation ? (
            <Link to="/inbox/$conversation" params={{ conversation: String(survey.conversation) }}>
              {t('feedback.about.conversation')}
            </Link>
          ) : null}
          <span>{by}</span>
          <time className="num" dateTime={survey.at}>
            {dateTime(survey.at)}
          </time>
        </p>
      </div>
    </li>
  );
}

/** Surveys are the questions that customers are put of our own accord: when, to whom, and what came of it. */
export function Surveys({ filter, change, admin }: { filter: FeedbackFilter; change: (part: FeedbackFilter) => void; admin: boolean }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const days = filter.days ?? 90;
  const sums = useQuery(npsReport(days));
  const settings = useQuery(schedule);
  const list = useInfiniteQuery(surveys(filter));
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const report = sums.data;
  const dropped = Object.entries(report?.dropped ?? {}).sort((a, b) => b[1] - a[1]);
  return (
    <>
      <div className="report-bar">
        <Segmented aria-label={t('feedback.span')} value={days} options={spans.map((value) => ({ value, label: t('feedback.days', { count: value }) }))} onChange={(n) => change({ days: n })} />
      </div>
      {sums.error && <Failed error={sums.error} retry={() => void sums.refetch()} />}
      {report && (
        <div className="summary">
          <section className="card summary-card">
            <h2>{t('feedback.kinds.nps')}</h2>
            <NPSBar figures={report.figures} />
          </section>
          <section className="card summary-card">
            <h2>{t('surveys.asked')}</h2>
            <p className="summary-number num">{number(report.asked)}</p>
            <p className="muted">
              {report.asked > 0 ? t('surveys.answeredOf', { n: number(report.answered), share: t('unit.percent', { value: number((100 * report.answered) / report.asked) }) }) : t('surveys.noneAsked')}
            </p>
            {dropped.length > 0 && <p className="muted">{t('surveys.notAsked', { why: dropped.map(([why, n]) => `${t(`surveys.why.${why}`, why)} ${number(n)}`).join(' · ') })}</p>}
          </section>
        </div>
      )}
      {settings.error && <Failed error={settings.error} retry={() => void settings.refetch()} />}
      {settings.data && <Settings key={JSON.stringify(settings.data)} value={settings.data} admin={admin} />}
      <div className="report-bar">
        <h2 className="survey-head">{t('surveys.list')}</h2>
        <Select className="case-filter" allowClear aria-label={t('feedback.state')} placeholder={t('feedback.state')} value={filter.state} options={surveyStates.map((value) => ({ value, label: t(`surveys.states.${value}`) }))} onChange={(state?: string) => change({ state })} />
      </div>
      {list.error && <Failed error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Waiting rows={4} />}
      {list.data && rows.length === 0 && <Empty icon="words" title={t('surveys.none')} hint={t('surveys.noneHint')} />}
      {rows.length > 0 && (
        <ul className="card said-items">
          {rows.map((survey) => (
            <Line key={survey.id} survey={survey} />
          ))}
        </ul>
      )}
      <More of={list} />
    </>
  );
}
