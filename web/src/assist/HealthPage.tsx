import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { session } from '../api/queries';
import { useFormat } from '../i18n/format';
import { judgements } from '../kb/queries';
import { Curve } from '../kb/ThresholdsPage';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { may } from '../shell/roles';
import { KbTabs } from './KbTabs';
import { byLang, health, share, type Week } from './learning';
import '../kb/kb.css';

const box = { w: 560, h: 200, left: 40, right: 12, top: 12, bottom: 28 };
const lines = ['solved', 'confirmed', 'handed'] as const;

/** Weeks is how many of all questions were answered right, week by week. */
function Weeks({ weeks, lang }: { weeks: Week[]; lang: string }) {
  const { t } = useTranslation();
  const { number, day } = useFormat();
  const x = (i: number) => box.left + (weeks.length < 2 ? (box.w - box.left - box.right) / 2 : (i * (box.w - box.left - box.right)) / (weeks.length - 1));
  const y = (p: number) => box.h - box.bottom - (p / 100) * (box.h - box.top - box.bottom);
  const last = weeks.at(-1);
  const first = weeks[0];
  return (
    <figure className="kb-curve learn-weeks">
      <svg viewBox={`0 0 ${box.w} ${box.h}`} role="img" aria-label={`${t('assist.health.weeks')}, ${t(`kb.langs.${lang}`)}`}>
        {[0, 25, 50, 75, 100].map((p) => (
          <g key={p}>
            <line className="kb-grid" x1={box.left} x2={box.w - box.right} y1={y(p)} y2={y(p)} />
            <text x={box.left - 6} y={y(p) + 4} textAnchor="end">
              {p}%
            </text>
          </g>
        ))}
        {first && (
          <text x={box.left} y={box.h - 8}>
            {day(first.week)}
          </text>
        )}
        {last && weeks.length > 1 && (
          <text x={box.w - box.right} y={box.h - 8} textAnchor="end">
            {day(last.week)}
          </text>
        )}
        {lines.map((name) => (
          <g key={name} className={`learn-line learn-line-${name}`}>
            <polyline points={weeks.map((week, i) => `${x(i).toFixed(1)},${y(share(week[name], week.questions)).toFixed(1)}`).join(' ')} />
            {weeks.map((week, i) => (
              <circle key={week.week} cx={x(i)} cy={y(share(week[name], week.questions))} r={weeks.length > 26 ? 1.5 : 3}>
                <title>{`${day(week.week)}: ${number(share(week[name], week.questions), 1)}% · ${number(week.questions)}`}</title>
              </circle>
            ))}
          </g>
        ))}
      </svg>
      <figcaption>
        <strong>{t(`kb.langs.${lang}`)}</strong>
        {lines.map((name) => (
          <span key={name} className={`kb-key learn-key-${name}`}>
            {t(`assist.health.${name}`)}
            {last && <span className="num"> {number(share(last[name], last.questions), 1)}%</span>}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

function Inner() {
  const { t } = useTranslation();
  const { number, day, moment } = useFormat();
  const { data, error, refetch } = useQuery(health);
  const judged = useQuery(judgements);
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting rows={8} />;
  const run = data.runs[0];
  return (
    <>
      <section className="card kb-pad" aria-labelledby="health-weeks">
        <div className="kb-judge-head">
          <h2 id="health-weeks">{t('assist.health.weeks')}</h2>
          <Link to="/kb/suggestions">{t('assist.health.open', { count: data.open })}</Link>
        </div>
        {data.weeks.length === 0 && <Empty icon="chart" title={t('assist.health.noWeeks')} hint={t('assist.health.noWeeksHint')} />}
        <div className="learn-columns">
          {byLang(data.weeks).map(([lang, weeks]) => (
            <Weeks key={lang} lang={lang} weeks={weeks} />
          ))}
        </div>
        <p className="muted">{t('assist.health.note')}</p>
      </section>
      <section className="card kb-pad" aria-labelledby="health-tau">
        <div className="kb-judge-head">
          <h2 id="health-tau">{t('kb.thresholds')}</h2>
          <Link to="/kb/thresholds">{t('assist.health.details')}</Link>
        </div>
        <div className="learn-columns">
          {judged.data?.map((one) =>
            one.curve.length > 0 ? (
              <div key={one.lang}>
                <h3>{t(`kb.langs.${one.lang}`)}</h3>
                <Curve of={one} answer={one.applied.answer} clarify={one.applied.clarify} />
              </div>
            ) : (
              <p key={one.lang} className="muted">
                {t(`kb.langs.${one.lang}`)}: {t('kb.noJudgement')}
              </p>
            ),
          )}
        </div>
      </section>
      <section className="card kb-pad" aria-labelledby="health-taken">
        <h2 id="health-taken">{t('assist.health.taken')}</h2>
        {data.articles.length === 0 ? (
          <p className="muted">{t('assist.health.noneOffered')}</p>
        ) : (
          <div className="kb-scroll">
            <table className="kb-table num">
              <thead>
                <tr>
                  <th scope="col">{t('assist.tab.articles')}</th>
                  {(['offered', 'rate', 'edited', 'distance', 'dismissed'] as const).map((name) => (
                    <th key={name} scope="col">
                      {t(`assist.health.col.${name}`)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {data.articles.map((one) => (
                  <tr key={one.article}>
                    <td>
                      <Link to="/kb/$articleId" params={{ articleId: String(one.article) }}>
                        {one.title}
                      </Link>{' '}
                      <span className="muted">{t(`kb.langs.${one.lang}`)}</span>
                    </td>
                    <td>{number(one.offered)}</td>
                    <td>{number(share(one.taken, one.offered), 0)}%</td>
                    <td>{number(one.edited)}</td>
                    <td>{one.edited > 0 ? number(one.distance) : '–'}</td>
                    <td>{number(one.dismissed)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
      <section className="card kb-pad" aria-labelledby="health-overdue">
        <h2 id="health-overdue">{t('assist.health.overdue', { count: data.overdue.length })}</h2>
        {data.overdue.length === 0 && <p className="muted">{t('assist.health.allReviewed')}</p>}
        <ul className="learn-overdue">
          {data.overdue.map((one) => (
            <li key={one.article}>
              <Link to="/kb/$articleId" params={{ articleId: String(one.article) }}>
                {one.title}
              </Link>
              <span className="muted num">{[t(`kb.langs.${one.lang}`), one.owner, one.review_by ? t('kb.reviewBy', { day: one.review_by }) : t('kb.noReview')].filter(Boolean).join(' · ')}</span>
            </li>
          ))}
        </ul>
      </section>
      {run && (
        <p className="muted num" title={moment(run.at)}>
          {t('assist.health.lastRun', { day: day(run.at), replies: number(run.replies), seconds: number(run.took_ms / 1000, 1) })}
          {Object.entries(run.langs).map(([lang, of]) => ` · ${t(`kb.langs.${lang}`)}: ${t('assist.health.ran', { questions: number(of.questions), clusters: number(of.clusters), near: number(of.cut.near, 2) })}`)}
        </p>
      )}
    </>
  );
}

/** HealthPage: how well articles answer, and what should be looked at. */
export function HealthPage() {
  const { t } = useTranslation();
  const { data: who } = useSuspenseQuery(session);
  return (
    <div className="page">
      <Title>{t('assist.tab.health')}</Title>
      <div className="page-head">
        <h1>{t('assist.tab.health')}</h1>
      </div>
      <KbTabs />
      {may(who?.user.role, 'articles') ? <Inner /> : <Empty icon="lock" title={t('kb.forbidden')} />}
    </div>
  );
}
