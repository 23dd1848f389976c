import { useTranslation } from 'react-i18next';
import { top, type Column, type Row } from './api';
import type { Words } from './words';

/** inTime are the cuts whose rows follow each other: their bars stand, those of others lie. */
const inTime = ['day', 'moment', 'hour', 'weekday'];

interface Props {
  by: string;
  rows: readonly Row[];
  column: Column;
  at: number;
  words: Words;
  /** open shows what is behind a bar. */
  open?: (row: Row) => void;
}

/** most lying bars; the table has all. */
const most = 20;

/** Chart draws one column: a bar per row, the period before as a lighter one behind it. Each bar leads to its list. */
export function Chart({ by, rows, column, at, words, open }: Props) {
  const { t } = useTranslation();
  const standing = inTime.includes(by);
  const shown = standing ? rows : rows.slice(0, most);
  const values = shown.flatMap((row) => [row.values[at] ?? 0, row.before?.[at] ?? 0]);
  const end = column.unit === 'share' || column.unit === 'mood' ? Math.max(...values, 0) > 0.5 ? 1 : top(Math.max(...values, 0)) : column.unit === 'score' ? 5 : top(Math.max(...values.map(Math.abs), 0));
  const percent = (v: number | null | undefined) => `${Math.min(100, (100 * Math.abs(v ?? 0)) / end)}%`;
  const every = Math.ceil(shown.length / 12);
  const bars = shown.map((row, i) => {
    const v = row.values[at];
    const name = words.key(by, row);
    const label = `${name}: ${words.value(v, column.unit)}${row.before ? `, ${t('reports.before')} ${words.value(row.before[at], column.unit)}` : ''}`;
    const size = (n: number | null | undefined) => (standing ? { blockSize: percent(n) } : { inlineSize: percent(n) });
    const inside = (
      <>
        <span className="bar-room" aria-hidden="true">
          {row.before && <span className="bar-before" style={size(row.before[at])} />}
          <span className={(v ?? 0) < 0 ? 'bar-now bar-negative' : 'bar-now'} style={size(v)} />
        </span>
        {standing ? (
          <span className="bar-name" aria-hidden="true">
            {i % every === 0 ? words.short(by, row.key) : ''}
          </span>
        ) : (
          <>
            <span className="bar-name">{name}</span>
            <span className="bar-value num">{words.value(v, column.unit)}</span>
          </>
        )}
      </>
    );
    return (
      <li key={row.key}>
        {open && v ? (
          <button type="button" className="bar" aria-label={label} title={label} onClick={() => open(row)}>
            {inside}
          </button>
        ) : (
          <span className="bar" role="img" aria-label={label} title={label}>
            {inside}
          </span>
        )}
      </li>
    );
  });
  return (
    <div className={standing ? 'chart-standing' : 'chart-lying'}>
      {standing && (
        <div className="chart-scale num" aria-hidden="true">
          <span>{words.value(end, column.unit)}</span>
          <span>{words.value(end / 2, column.unit)}</span>
          <span>0</span>
        </div>
      )}
      <ol className="bars" aria-label={t(`reports.columns.${column.name}`)}>
        {bars}
      </ol>
    </div>
  );
}
