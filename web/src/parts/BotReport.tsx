import { useQuery } from '@tanstack/react-query';
import { Segmented, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { report, type BotShare } from '../api/bot';
import { useFormat } from '../i18n/format';
import { Failed, Waiting } from './Notice';

const part = (a: number, b: number) => (b > 0 ? a / b : 0);

/** BotReport is the bot's share: how many conversations it kept, why it handed over, and whether it asked twice. */
export function BotReport() {
  const { t } = useTranslation();
  const { number, day } = useFormat();
  const [days, setDays] = useState(30);
  const [channel, setChannel] = useState('');
  const { data, error, refetch } = useQuery(report(days, channel));
  const percent = (x: number) => `${number(100 * x, 1)}%`;
  const sum = data?.sum;
  return (
    <section className="card">
      <div className="card-head bot-report-head">
        <h2>{t('bot.tab.report')}</h2>
        <span className="page-acts">
          <Segmented size="small" aria-label={t('calls.period')} value={days} options={[1, 7, 30, 90].map((n) => ({ value: n, label: t('mood.days', { count: n }) }))} onChange={setDays} />
          <Select size="small" value={channel} aria-label={t('bot.channel')} options={['', 'chat', 'call', 'api'].map((value) => ({ value, label: t(`bot.channels.${value || 'customers'}`) }))} onChange={setChannel} popupMatchSelectWidth={false} style={{ width: 190 }} />
        </span>
      </div>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!data && !error && <Waiting rows={4} />}
      {sum?.sessions === 0 && <p className="table-none">{t('bot.noReport')}</p>}
      {sum && sum.sessions > 0 && (
        <>
          <dl className="bot-tiles">
            <Tile name="contained" value={percent(part(sum.contained, sum.sessions))} hint={t('bot.ofSessions', { n: number(sum.contained), of: number(sum.sessions) })} />
            <Tile name="helped" value={sum.up + sum.down > 0 ? percent(part(sum.up, sum.up + sum.down)) : '–'} hint={t('bot.votes', { up: number(sum.up), down: number(sum.down) })} />
            <Tile name="reask" value={percent(part(sum.reasks, sum.prompts))} hint={t('bot.ofPrompts', { n: number(sum.reasks), of: number(sum.prompts) })} />
            <Tile name="speed" value={`${number(sum.p95_ms)} ms`} hint={t('bot.mean', { ms: number(sum.mean_ms) })} />
          </dl>
          <div className="bot-report-columns">
            <Counts title={t('bot.decisions')} counts={sum.decisions} of={sum.turns} words="bot.decision" />
            <Counts title={t('bot.handovers')} counts={sum.handovers} of={sum.sessions} words="bot.reason" />
          </div>
          <Table title={t('bot.byDay')} rows={data.days.map((d) => [d.day ? day(d.day) : '', d])} />
          <Table title={t('bot.byLang')} rows={Object.entries(data.by_lang).map(([lang, x]) => [t(`bot.lang.${lang}`, lang), x])} />
        </>
      )}
    </section>
  );
}

function Tile({ name, value, hint }: { name: string; value: string; hint: string }) {
  const { t } = useTranslation();
  return (
    <div className="bot-tile">
      <dt>{t(`bot.tile.${name}`)}</dt>
      <dd className="num">{value}</dd>
      <dd className="muted bot-tile-hint">{hint}</dd>
    </div>
  );
}

function Counts({ title, counts, of, words }: { title: string; counts: Record<string, number>; of: number; words: string }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const list = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  return (
    <div>
      <h3 className="bot-sub">{title}</h3>
      <ul className="bot-bars">
        {list.map(([key, n]) => (
          <li key={key}>
            <span className="bot-bar-name">{t(`${words}.${key}`)}</span>
            <span className="bot-bar">
              <span style={{ width: `${100 * part(n, of)}%` }} />
            </span>
            <span className="num">{number(n)}</span>
          </li>
        ))}
        {list.length === 0 && <li className="muted">–</li>}
      </ul>
    </div>
  );
}

function Table({ title, rows }: { title: string; rows: [string, BotShare][] }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const cell = (name: string, value: string) => (
    <td data-label={t(`bot.column.${name}`)} className="end num">
      {value}
    </td>
  );
  return (
    <table className="table bot-shares">
      <thead>
        <tr>
          <th>{title}</th>
          {['sessions', 'contained', 'turns', 'answered', 'fallback', 'p95'].map((name) => (
            <th key={name} className="end">
              {t(`bot.column.${name}`)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, x]) => (
          <tr key={name}>
            <td>
              <strong>{name}</strong>
            </td>
            {cell('sessions', number(x.sessions))}
            {cell('contained', `${number(100 * part(x.contained, x.sessions), 1)}%`)}
            {cell('turns', number(x.turns))}
            {cell('answered', number((x.decisions.answer ?? 0) + (x.decisions.tool ?? 0)))}
            {cell('fallback', number(x.decisions.fallback ?? 0))}
            {cell('p95', `${number(x.p95_ms)} ms`)}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
