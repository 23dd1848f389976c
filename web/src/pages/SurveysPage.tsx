import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Segmented } from 'antd';
import { useCallback, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { base } from '../api/client';
import { surveyReport, surveys, type SurveyAnswer, type SurveyRow } from '../api/line';
import { useQueueName } from '../api/queues';
import { useChannel } from '../call/hooks';
import { firstOf, useFormat } from '../i18n/format';
import { CallTabs } from '../parts/CallTabs';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { useNames } from '../phone/control';
import './system.css';

const spans = [7, 30, 90] as const;
const told = ['survey.'] as const;

function Report({ rows, queue, names }: { rows: SurveyRow[]; queue: (id: string) => string; names: Readonly<Record<string, string>> }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t('calldesk.survey.scores')}</h2>
      </div>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t('calldesk.survey.survey')}</th>
            <th scope="col">{t('queues.queue')}</th>
            <th scope="col">{t('queues.agent')}</th>
            <th scope="col" className="end">
              {t('calldesk.survey.answered')}
            </th>
            <th scope="col" className="end">
              {t('calldesk.survey.mean')}
            </th>
            <th scope="col" className="end">
              {t('calldesk.survey.range')}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.survey} ${row.queue} ${row.agent}`}>
              <td data-name={t('calldesk.survey.survey')}>{row.survey}</td>
              <td data-name={t('queues.queue')}>{row.queue ? queue(row.queue) : '–'}</td>
              <td data-name={t('queues.agent')}>{row.agent ? firstOf(names[row.agent], row.agent) : '–'}</td>
              <td data-name={t('calldesk.survey.answered')} className="num end">
                {t('calldesk.survey.of', { answered: number(row.answered), asked: number(row.asked) })}
              </td>
              <td data-name={t('calldesk.survey.mean')} className="num end">
                {row.mean === null ? '–' : number(row.mean, 2)}
              </td>
              <td data-name={t('calldesk.survey.range')} className="num end">
                {row.least === null ? '–' : `${row.least} – ${row.most ?? row.least}`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Answer({ answer, queue, names }: { answer: SurveyAnswer; queue: (id: string) => string; names: Readonly<Record<string, string>> }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const [open, setOpen] = useState(false);
  return (
    <li>
      <span aria-hidden="true" />
      <span className="line-facts">
        <span className="score num" title={t('calldesk.survey.score')}>
          {answer.score ?? '–'}
        </span>
        <Link to="/calls/$callId" params={{ callId: answer.call_id }} className="num">
          {dateTime(answer.at)}
        </Link>
        <span>{firstOf(answer.question, answer.survey)}</span>
        {answer.queue && <span className="tag">{queue(answer.queue)}</span>}
        {answer.agent && <span className="muted">{firstOf(names[answer.agent], answer.agent)}</span>}
      </span>
      <span className="line-acts">
        {answer.comment && (
          <button type="button" className="small-button" aria-expanded={open} onClick={() => setOpen(!open)}>
            {t('calldesk.survey.hear')}
          </button>
        )}
      </span>
      {answer.comment_text && <p className="line-words">{answer.comment_text}</p>}
      {open && answer.comment && <audio className="line-sound" controls autoPlay src={`${base}/voicemail/${answer.comment}/audio`} aria-label={t('calldesk.survey.hear')} />}
    </li>
  );
}

/** SurveysPage is what callers answered after the talk. */
export function SurveysPage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [days, setDays] = useState<number>(7);
  const answers = useQuery(surveys(days));
  const report = useQuery(surveyReport(days));
  const names = useNames();
  useChannel('calls', useCallback(() => void client.invalidateQueries({ queryKey: ['surveys'] }), [client]), told);
  const name = useQueueName();
  const error = answers.error ?? report.error;
  return (
    <div className="page">
      <Title>{t('calldesk.tabs.surveys')}</Title>
      <div className="page-head">
        <h1>{t('calldesk.tabs.surveys')}</h1>
        <Segmented aria-label={t('calls.period')} value={days} options={spans.map((value) => ({ value, label: t('calldesk.survey.days', { count: value }) }))} onChange={setDays} />
      </div>
      <CallTabs />
      {error && <Failed error={error} retry={() => void client.invalidateQueries({ queryKey: ['surveys'] })} />}
      {answers.isPending && <Waiting />}
      {answers.data?.length === 0 && <Empty icon="chart" title={t('calldesk.survey.none')} hint={t('calldesk.survey.hint')} />}
      {report.data && report.data.length > 0 && <Report rows={report.data} queue={name} names={names} />}
      {answers.data && answers.data.length > 0 && (
        <section className="card">
          <div className="card-head">
            <h2>{t('calldesk.survey.newest')}</h2>
          </div>
          <ul className="line-list">
            {answers.data.map((answer) => (
              <Answer key={`${answer.call_id} ${answer.n}`} answer={answer} queue={name} names={names} />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}
