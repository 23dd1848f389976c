import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { System, Trunk, Worker } from '../api/model';
import { session, system as systemOf } from '../api/queries';
import { useNow } from '../call/hooks';
import { useFormat } from '../i18n/format';
import { LoadChart } from '../parts/LoadChart';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { may } from '../shell/roles';
import './system.css';

const healthy = new Set(['ready', 'up', 'ok', 'running', 'online', 'active', 'idle', 'busy']);
const passing = new Set(['unknown', 'starting', 'draining', 'restarting', 'stopping', 'full', 'slow', 'degraded']);

function State({ state }: { state: string }) {
  const { t } = useTranslation();
  const kind = healthy.has(state) ? 'tag-good' : passing.has(state) ? 'tag-ringing' : 'tag-poor';
  return <span className={`tag ${kind}`}>{t(`system.states.${state}`, state)}</span>;
}

function useUptime(startedAt: string): string {
  const { t } = useTranslation();
  const minutes = Math.max(0, Math.floor((useNow() - Date.parse(startedAt)) / 60_000));
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor(minutes / 60) % 24;
  if (days > 0) return `${t('unit.days', { count: days })} ${t('unit.hours', { count: hours })}`;
  return hours > 0 ? `${t('unit.hours', { count: hours })} ${t('unit.minutes', { count: minutes % 60 })}` : t('unit.minutes', { count: minutes });
}

function Tile({ name, value, rest, part, children }: { name: string; value: ReactNode; rest?: string; part?: number; children?: ReactNode }) {
  return (
    <li className="card tile">
      <span className="muted">{name}</span>
      <span className="tile-value num">
        {value} {rest && <small>{rest}</small>}
      </span>
      {part !== undefined && <Bar part={part} />}
      {children}
    </li>
  );
}

/** Used is how much of something is in use; without a limit (0) only how much. */
function Used({ name, used, max }: { name: string; used: number; max: number }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  if (max <= 0) return <Tile name={name} value={number(used)} />;
  return <Tile name={name} value={number(used)} rest={t('system.ofMax', { max: number(max) })} part={share(used, max)} />;
}

function Bar({ part }: { part: number }) {
  const level = part > 0.95 ? 'bar-full' : part > 0.8 ? 'bar-high' : '';
  return (
    <span className={`bar ${level}`} aria-hidden="true">
      <i style={{ inlineSize: `${Math.min(100, part * 100)}%` }} />
    </span>
  );
}

const share = (n: number, of: number) => (of > 0 ? n / of : 0);

function Tiles({ system }: { system: System }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const workers = system.workers ?? [];
  const channels = workers.reduce((sum, w) => sum + w.channels, 0);
  const capacity = workers.reduce((sum, w) => sum + w.capacity, 0);
  const { media, database } = system;
  return (
    <ul className="tiles">
      <Used name={t('system.calls')} used={system.calls.active} max={system.calls.max} />
      <Used name={t('system.channels')} used={channels} max={capacity} />
      <Used name={t('system.ports')} used={media.ports_used} max={media.ports_total} />
      <Tile name={t('system.clock')} value={t('unit.ms', { value: number(media.clock_late_p99_ms, 1) })} />
      <Tile name={t('system.database')} value={<State state={database.state} />}>
        <span className="muted tile-note num">
          <span>
            {t('system.latency')} {t('unit.ms', { value: number(database.latency_ms, 1) })}
          </span>
          <span>
            {t('system.queued')} {number(database.queued_writes)}
          </span>
        </span>
      </Tile>
    </ul>
  );
}

interface Column<T> {
  name: string;
  cell: (row: T) => ReactNode;
  end?: boolean;
}

/** Table is a plain table that turns into cards on narrow screens. */
function Table<T>({ title, columns, rows, keyOf, none }: { title: string; columns: Column<T>[]; rows: T[]; keyOf: (row: T) => string; none: string }) {
  return (
    <section className="card">
      <div className="card-head">
        <h2>{title}</h2>
      </div>
      {rows.length === 0 ? (
        <p className="table-none">{none}</p>
      ) : (
        <table className="table">
          <thead>
            <tr>
              {columns.map((c) => (
                <th key={c.name} scope="col" className={c.end ? 'end' : undefined}>
                  {c.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={keyOf(row)}>
                {columns.map((c) => (
                  <td key={c.name} data-name={c.name} className={c.end ? 'end num' : undefined}>
                    {c.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Workers({ workers }: { workers: Worker[] }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const columns: Column<Worker>[] = [
    { name: t('system.worker'), cell: (w) => <strong title={w.address}>{w.id}</strong> },
    { name: t('system.state'), cell: (w) => <State state={w.state} /> },
    {
      name: t('system.busy'),
      cell: (w) => (
        <span className="busy num">
          {w.channels} / {w.capacity}
          <Bar part={share(w.channels, w.capacity)} />
        </span>
      ),
    },
    { name: t('system.cpu'), cell: (w) => t('unit.percent', { value: number(w.cpu_pct) }), end: true },
    { name: t('system.rss'), cell: (w) => t('unit.mb', { value: number(w.rss_mb) }), end: true },
    { name: t('system.late'), cell: (w) => t('unit.ms', { value: number(w.lateness_p99_ms) }), end: true },
    { name: t('system.restarts'), cell: (w) => number(w.restarts), end: true },
    { name: t('system.pid'), cell: (w) => (w.pid > 0 ? w.pid : '–'), end: true },
    { name: t('system.models'), cell: (w) => [...new Set(w.models)].join(', ') },
  ];
  return <Table title={t('system.workers')} columns={columns} rows={workers.toSorted((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }))} keyOf={(w) => w.id} none={t('system.noWorkers')} />;
}

function Trunks({ trunks }: { trunks: Trunk[] }) {
  const { t } = useTranslation();
  const { number, dateTime } = useFormat();
  const columns: Column<Trunk>[] = [
    { name: t('system.trunk'), cell: (x) => <strong>{x.name}</strong> },
    { name: t('system.state'), cell: (x) => <State state={x.state} /> },
    { name: t('system.calls'), cell: (x) => (x.max_calls > 0 ? `${x.calls} / ${x.max_calls}` : number(x.calls)), end: true },
    { name: t('system.cps'), cell: (x) => (x.cps > 0 ? number(x.cps, 1) : '–'), end: true },
    { name: t('system.rejected'), cell: (x) => number(x.rejected), end: true },
    { name: t('system.seen'), cell: (x) => (x.last_options_at ? dateTime(x.last_options_at) : t('system.never')), end: true },
  ];
  return <Table title={t('system.trunks')} columns={columns} rows={trunks} keyOf={(x) => x.name} none={t('system.noTrunks')} />;
}

function Models({ system }: { system: System }) {
  const { t } = useTranslation();
  const columns = [
    { name: t('system.language'), cell: (m: { language: string }) => t(`kb.langs.${m.language}`, m.language) },
    { name: t('system.models'), cell: (m: { name: string }) => m.name },
    { name: t('system.graph'), cell: (m: { graph: string }) => (m.graph === 'static' ? t('system.static') : t('system.dynamic')) },
  ];
  return <Table title={t('system.models')} columns={columns} rows={system.models ?? []} keyOf={(m) => `${m.language}${m.name}${m.graph}`} none={t('system.noModels')} />;
}

function Uptime({ system }: { system: System }) {
  const { t } = useTranslation();
  return (
    <span className="muted">
      {t('system.version')} <span className="num">{system.version}</span> · {t('system.uptime')} {useUptime(system.started_at)}
    </span>
  );
}

/** SystemPage shows whether the machinery is well: workers, trunks, ports, database, load. */
export function SystemPage() {
  const { t } = useTranslation();
  const { data: who } = useSuspenseQuery(session);
  const allowed = may(who?.user.role, 'system');
  const { data, error, refetch } = useQuery({ ...systemOf, enabled: allowed });
  if (!allowed) return <Empty icon="lock" title={t('system.forbidden')} />;
  return (
    <div className="page">
      <Title>{t('system.title')}</Title>
      <div className="page-head">
        <h1>{t('system.title')}</h1>
        {data && <Uptime system={data} />}
      </div>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!data && !error && <Waiting rows={8} />}
      {data && (
        <>
          <Tiles system={data} />
          <LoadChart />
          <Workers workers={data.workers ?? []} />
          <div className="system-pair">
            <Trunks trunks={data.trunks ?? []} />
            <Models system={data} />
          </div>
        </>
      )}
    </div>
  );
}
