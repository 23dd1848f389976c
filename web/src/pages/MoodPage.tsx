import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Segmented, Select } from 'antd';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import type { Alert } from '../api/model';
import { alerts as alertsOf, cuts, moodReport, session, type Cut } from '../api/queries';
import { useFloor } from '../call/hooks';
import { adviceOf, needs, stateOf, useLimits, type Need } from '../call/mood';
import { clock, useFormat } from '../i18n/format';
import { AlertBar } from '../parts/AlertBar';
import { Duration, who } from '../parts/facts';
import { Face } from '../parts/Mood';
import { MoodChart } from '../parts/MoodChart';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { may } from '../shell/roles';
import './moods.css';

function Needed({ need }: { need: Need }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const { call, why } = need;
  const mood = call.mood;
  const name = who(call, t('live.unknown'));
  return (
    <li className={`need need-${why}`}>
      <div className="need-head">
        <Face state={mood?.state ?? 'angry'} />
        <Link to="/live/$callId" params={{ callId: call.id }} aria-label={t('live.open', { who: name })}>
          {name}
        </Link>
        <span className="tag">{t(`mood.need.${why}`)}</span>
        <span className="need-end num">
          {mood && `${number(100 * mood.now)} · `}
          <Duration call={call} />
        </span>
      </div>
      {call.last_words && <p className="need-words muted">{call.last_words.text}</p>}
      {call.alert && <AlertBar id={call.id} alert={call.alert} />}
    </li>
  );
}

/** Board is who needs somebody now, and how everybody else is. */
function Board() {
  const { t } = useTranslation();
  const { calls, whole } = useFloor();
  const list = needs(calls, useLimits());
  const read = calls.filter((call) => call.state !== 'ended' && call.mood);
  const count = (state: string) => read.filter((call) => call.mood?.state === state).length;
  return (
    <section className="card" aria-labelledby="needs-title">
      <div className="card-head">
        <h2 id="needs-title">{t('mood.needsYou')}</h2>
        <ul className="mood-counts">
          {(['calm', 'tense', 'angry'] as const).map((state) => (
            <li key={state}>
              <Face state={state} />
              {t(`mood.${state}`)} <strong className="num">{count(state)}</strong>
            </li>
          ))}
        </ul>
      </div>
      {!whole && <Waiting rows={2} />}
      {whole && list.length === 0 && <Empty icon="heart" title={t('mood.quiet')} hint={t('mood.quietHint')} />}
      <ul className="needs" aria-live="polite">
        {list.map((need) => (
          <Needed key={need.call.id} need={need} />
        ))}
      </ul>
    </section>
  );
}

function Past({ alert }: { alert: Alert }) {
  const { t, i18n } = useTranslation();
  const { time } = useFormat();
  const limits = useLimits();
  return (
    <li>
      <Link to="/calls/$callId" params={{ callId: alert.call_id }} className="past-alert">
        <span className="num">{time(alert.raised_at)}</span>
        <Face state={stateOf(alert.mood_to, limits)} />
        <span className="past-words">{adviceOf(alert, i18n.language)?.sentence}</span>
        <span className="num muted">{clock(alert.start_ms)}</span>
        <span className="tag">{t(`mood.state.${alert.state}`)}</span>
      </Link>
    </li>
  );
}

/** History is the alerts of the last day. */
function History() {
  const { t } = useTranslation();
  const { data, error, isPending, refetch } = useQuery(alertsOf);
  const { calls } = useFloor();
  const open = calls.map((call) => (call.alert ? `${call.id}:${call.alert.n}` : '')).join();
  // An alert that comes or goes is history at once.
  useEffect(() => void refetch(), [open, refetch]);
  return (
    <section className="card" aria-labelledby="past-title">
      <div className="card-head">
        <h2 id="past-title">{t('mood.history')}</h2>
      </div>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {isPending && <Waiting rows={3} />}
      {data?.length === 0 && <p className="mood-empty muted">{t('mood.noHistory')}</p>}
      <ul className="past-alerts">
        {data?.map((alert) => (
          <Past key={`${alert.call_id}${alert.n}`} alert={alert} />
        ))}
      </ul>
    </section>
  );
}

function Report() {
  const { t } = useTranslation();
  const navigate = useNavigate({ from: '/mood' });
  const { by = 'route', days = 7 } = useSearch({ from: '/shell/mood' });
  const change = (part: { by?: Cut; days?: number }) => void navigate({ to: '/mood', search: (old) => ({ ...old, ...part }), replace: true });
  const { data, error, isPending, refetch } = useQuery(moodReport(by, days));
  const rows = data?.rows ?? [];
  return (
    <section className="card" aria-labelledby="report-title">
      <div className="card-head report-head">
        <h2 id="report-title">{t('mood.report')}</h2>
        <Segmented size="small" value={days} options={[1, 7, 30].map((n) => ({ value: n, label: t('mood.days', { count: n }) }))} onChange={(n) => change({ days: n })} />
        <Select size="small" className="report-by" aria-label={t('mood.cut')} value={by} options={cuts.map((cut) => ({ value: cut, label: t(`mood.by.${cut}`) }))} onChange={(cut: Cut) => change({ by: cut })} />
      </div>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {isPending && <Waiting rows={4} />}
      {data && rows.length === 0 && <p className="mood-empty muted">{t('mood.noReport')}</p>}
      {rows.length > 0 && <MoodChart by={by} rows={rows} />}
      <p className="muted mood-note">{t('mood.note')}</p>
    </section>
  );
}

/** MoodPage is the supervisor's: who needs somebody now, what happened, and the report. */
export function MoodPage() {
  const { t } = useTranslation();
  const { data } = useSuspenseQuery(session);
  if (!may(data?.user.role, 'moods')) {
    return (
      <div className="page">
        <Title>{t('mood.title')}</Title>
        <Empty icon="lock" title={t('mood.forbidden')} />
      </div>
    );
  }
  return (
    <div className="page moods">
      <Title>{t('mood.title')}</Title>
      <div className="page-head">
        <h1>{t('mood.title')}</h1>
      </div>
      <div className="moods-columns">
        <Board />
        <History />
      </div>
      <Report />
    </div>
  );
}
