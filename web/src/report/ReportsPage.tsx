import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Segmented, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { session } from '../api/queries';
import { signed, useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { leads, may } from '../shell/roles';
import { Behind } from './Behind';
import { Chart } from './Chart';
import { byOf, change, cuts, known, lead, names, sheet, table, type Column, type Name, type Place, type ReportSearch, type Table } from './api';
import '../pages/calls.css';
import './report.css';
import { useWords, type Words } from './words';

type Change = (part: ReportSearch) => void;

const spans = [1, 7, 30, 90];

/** Choice narrows by one thing of those that there were lately: a report of its own, asked for when somebody chooses. */
function Choice({ of, search, set, words }: { of: 'queue' | 'agent' | 'channel' | 'language'; search: ReportSearch; set: Change; words: Words }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState(search[of] !== undefined);
  const { data: rows = [], isFetching } = useQuery({ ...known(of), enabled: chosen });
  const options = rows.map((row) => ({ value: row.key, label: words.key(of, row) }));
  const now = search[of];
  if (now && !options.some((option) => option.value === now)) options.unshift({ value: now, label: now });
  return (
    <Select
      className="report-choice"
      allowClear
      showSearch={{ optionFilterProp: 'label' }}
      aria-label={t(`reports.by.${of}`)}
      placeholder={t(`reports.by.${of}`)}
      value={now}
      options={options}
      loading={isFetching}
      onOpenChange={(opens) => opens && setChosen(true)}
      onChange={(value?: string) => set({ [of]: value })}
    />
  );
}

/** Span is the period: the last days, or from one day to another. */
function Span({ search, set }: { search: ReportSearch; set: Change }) {
  const { t } = useTranslation();
  const own = search.from !== undefined;
  return (
    <div className="report-span">
      <Segmented
        aria-label={t('reports.span')}
        value={own ? 0 : (search.days ?? 7)}
        options={[...spans.map((days) => ({ value: days, label: days === 1 ? t('reports.today') : t('reports.days', { count: days }) })), { value: 0, label: t('reports.own') }]}
        onChange={(days) => {
          const ago = (n: number) => new Date(Date.now() - n * 86_400_000).toISOString().slice(0, 10);
          set(days === 0 ? { from: ago(30), to: ago(1), days: undefined } : { from: undefined, to: undefined, days });
        }}
      />
      {own && (
        <>
          <label>
            <span className="hidden">{t('reports.from')}</span>
            <input type="date" value={search.from} max={search.to} onChange={(e) => e.target.value && set({ from: e.target.value })} />
          </label>
          <label>
            <span className="hidden">{t('reports.to')}</span>
            <input type="date" value={search.to ?? ''} min={search.from} onChange={(e) => set({ to: e.target.value || undefined })} />
          </label>
        </>
      )}
    </div>
  );
}

/** Tiles are the totals; the pressed one is drawn. */
function Tiles({ shown, column, set, words }: { shown: Table; column: string; set: Change; words: Words }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  return (
    <ul className="tiles" aria-label={t('reports.total')}>
      {shown.columns.map((c, i) => {
        // A trend is a difference already.
        const differs = c.unit === 'trend' ? undefined : change(shown.total[i], shown.before?.[i]);
        return (
          <li key={c.name}>
            <button type="button" className="tile" aria-pressed={c.name === column} onClick={() => set({ column: c.name })}>
              <span className="tile-name">{t(`reports.columns.${c.name}`)}</span>
              <strong className="num">{words.value(shown.total[i], c.unit)}</strong>
              {shown.before && (
                <span className="tile-before num muted">
                  {differs === undefined ? words.value(shown.before[i], c.unit) : `${t('unit.percent', { value: signed(100 * differs, number) })} (${words.value(shown.before[i], c.unit)})`}
                </span>
              )}
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function Figures({ shown, words, open }: { shown: Table; words: Words; open: (place: Place, name: string) => void }) {
  const { t } = useTranslation();
  const cell = (c: Column, v: number | null | undefined, place: Place, name: string) =>
    c.listed && v ? (
      <button type="button" className="figure-link num" title={`${name}, ${t(`reports.columns.${c.name}`)}`} onClick={() => open(place, name)}>
        {words.value(v, c.unit)}
      </button>
    ) : (
      words.value(v, c.unit)
    );
  return (
    // Wider than a telephone: it scrolls, also by keys.
    <div className="card figures-scroll" role="region" tabIndex={0} aria-label={t('reports.table')}>
      <table className="figures">
        <thead>
          <tr>
            <th scope="col">{t(`reports.by.${shown.by}`)}</th>
            {shown.columns.map((c) => (
              <th key={c.name} scope="col" className="figure">
                {t(`reports.columns.${c.name}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.rows.map((row) => {
            const name = words.key(shown.by, row);
            return (
              <tr key={row.key}>
                <th scope="row">{name}</th>
                {shown.columns.map((c, i) => (
                  <td key={c.name} className="figure num">
                    {cell(c, row.values[i], { column: c.name, key: row.key }, name)}
                    {row.before && <small className="muted">{words.value(row.before[i], c.unit)}</small>}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">{t('reports.total')}</th>
            {shown.columns.map((c, i) => (
              <td key={c.name} className="figure num">
                {cell(c, shown.total[i], { column: c.name }, t('reports.total'))}
                {shown.before && <small className="muted">{words.value(shown.before[i], c.unit)}</small>}
              </td>
            ))}
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

function Report({ name, search, set }: { name: Name; search: ReportSearch; set: Change }) {
  const { t } = useTranslation();
  const words = useWords();
  const [place, setPlace] = useState<{ place: Place; title: string }>();
  const { data: shown, error, isPending, isFetching, refetch } = useQuery({ ...table(search), placeholderData: (old) => (old?.report === name ? old : undefined) });
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (isPending) return <Waiting rows={8} />;
  const wanted = search.column ?? lead[name];
  const at = Math.max(
    0,
    shown.columns.findIndex((c) => c.name === wanted),
  );
  const column = shown.columns[at];
  if (!column) return null;
  const open = (to: Place, of: string) => setPlace({ place: to, title: `${t(`reports.columns.${to.column}`)} · ${of}` });
  const some = shown.rows.some((row) => row.values.some((v) => v));
  return (
    <div className="report-body" aria-busy={isFetching}>
      <Tiles shown={shown} column={column.name} set={set} words={words} />
      {!some && <Empty icon="chart" title={t('reports.nothing')} hint={t('reports.nothingHint')} />}
      {some && (
        <>
          <section className="card report-chart" aria-labelledby="report-chart-title">
            <div className="card-head">
              <h2 id="report-chart-title">
                {t(`reports.columns.${column.name}`)} <span className="muted">{t('reports.perKey', { what: t(`reports.by.${shown.by}`) })}</span>
              </h2>
              {shown.before && (
                <ul className="report-legend">
                  <li>
                    <i className="bar-now" aria-hidden="true" />
                    {t('reports.now')}
                  </li>
                  <li>
                    <i className="bar-before" aria-hidden="true" />
                    {t('reports.before')}
                  </li>
                </ul>
              )}
            </div>
            <Chart by={shown.by} rows={shown.rows} column={column} at={at} words={words} open={column.listed ? (row) => open({ column: column.name, key: row.key }, words.key(shown.by, row)) : undefined} />
          </section>
          <Figures shown={shown} words={words} open={open} />
        </>
      )}
      <p className="muted report-note">
        {t('reports.note', { zone: shown.zone })} {t(`reports.notes.${name}`)}
        {shown.more && ` ${t('reports.more')}`}
      </p>
      {place && <Behind search={search} shown={shown} place={place.place} title={place.title} close={() => setPlace(undefined)} />}
    </div>
  );
}

/** ReportsPage is the figures over all that came in: a chart and its table, the list behind each number, CSV and print. */
export function ReportsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: '/shell/reports' });
  const words = useWords();
  const role = useSuspenseQuery(session).data?.user.role;
  const set: Change = (part) => void navigate({ to: '/reports', search: (old) => ({ ...old, ...part }), replace: true });
  if (!may(role, 'moods')) {
    return (
      <div className="page">
        <Title>{t('reports.title')}</Title>
        <Empty icon="lock" title={t('reports.forbidden')} />
      </div>
    );
  }
  const name = search.report ?? 'volume';
  return (
    <div className="page reports">
      <Title>{t('reports.title')}</Title>
      <div className="page-head">
        <h1>
          {t('reports.title')} <span className="print-only">{t(`reports.names.${name}`)}</span>
        </h1>
        <div className="page-acts report-acts">
          {leads(role) && (
            <a className="chip" href={sheet(search)} download>
              <Icon name="download" size={14} />
              CSV
            </a>
          )}
          <button type="button" className="chip" onClick={() => window.print()}>
            {t('reports.print')}
          </button>
        </div>
      </div>
      <nav className="report-names" aria-label={t('reports.title')}>
        {names.map((one) => (
          <button key={one} type="button" className="chip" aria-pressed={one === name} onClick={() => set({ report: one, cut: undefined, column: undefined })}>
            {t(`reports.names.${one}`)}
          </button>
        ))}
      </nav>
      <search className="filters card report-filters">
        <Span search={search} set={set} />
        {cuts[name].length > 1 && (
          <Select className="report-choice" aria-label={t('reports.cut')} value={byOf(search)} options={cuts[name].map((by) => ({ value: by, label: t('reports.cutBy', { what: t(`reports.by.${by}`) }) }))} onChange={(cut: string) => set({ cut })} />
        )}
        {name !== 'questions' && (
          <>
            <Choice of="channel" search={search} set={set} words={words} />
            <Choice of="queue" search={search} set={set} words={words} />
            <Choice of="agent" search={search} set={set} words={words} />
          </>
        )}
        <Choice of="language" search={search} set={set} words={words} />
        {name !== 'questions' && (
          <Select
            className="report-choice"
            aria-label={t('reports.bots')}
            value={search.bot ?? 'all'}
            options={(['all', 'people', 'bot'] as const).map((bot) => ({ value: bot, label: t(`reports.botIs.${bot}`) }))}
            onChange={(bot: 'all' | 'people' | 'bot') => set({ bot: bot === 'all' ? undefined : bot })}
          />
        )}
        <button type="button" className="chip" aria-pressed={!!search.before} onClick={() => set({ before: search.before ? undefined : true })}>
          {t('reports.compare')}
        </button>
      </search>
      <Report key={name} name={name} search={search} set={set} />
    </div>
  );
}
