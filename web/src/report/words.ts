import { useTranslation } from 'react-i18next';
import { clock, useFormat } from '../i18n/format';
import type { Row } from './api';

/** Words writes what stands in a report, in the language of the pages. */
export interface Words {
  value: (v: number | null | undefined, unit: string) => string;
  key: (by: string, row: Pick<Row, 'key' | 'label' | 'labels'>) => string;
  short: (by: string, key: string) => string;
}

const day = 86_400_000;

/** utc reads a key of time as a moment without a zone. */
const utc = (key: string) => Date.parse(`${key.slice(0, 10)}T${key.slice(11, 13) || '00'}:00:00Z`);

export function useWords(): Words {
  const { t, i18n } = useTranslation();
  const { number } = useFormat();
  const weekday = (n: number, width: 'long' | 'short') => new Intl.DateTimeFormat(i18n.language, { weekday: width, timeZone: 'UTC' }).format(new Date(Date.UTC(2026, 10, 29 + n)));
  const date = (key: string, format: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(i18n.language, { ...format, timeZone: 'UTC' }).format(new Date(utc(key)));
  const time = (ms: number) => (ms >= 2 * day ? t('reports.inDays', { value: number(ms / day, 1) }) : ms < 10_000 ? t('reports.inSeconds', { value: number(ms / 1000, 1) }) : clock(ms));
  const value = (v: number | null | undefined, unit: string): string => {
    if (v === null || v === undefined) return '–';
    if (unit === 'share') return t('unit.percent', { value: number(100 * v, 1, true) });
    if (unit === 'ms') return time(v);
    if (unit === 'score') return number(v, 2, true);
    if (unit === 'mood' || unit === 'trend') return number(100 * v, 1, true);
    return number(v);
  };
  const known = (by: string, key: string) => t(`reports.keys.${by}.${key}`, key);
  const key: Words['key'] = (by, row) => {
    if (row.labels) return row.labels[i18n.language.startsWith('zh') ? 'zh' : 'en'] ?? row.key;
    if (row.label) return row.label;
    if (by === 'day') return date(row.key, { year: 'numeric', month: 'short', day: 'numeric', weekday: 'short' });
    if (by === 'moment') return `${date(row.key, { month: 'short', day: 'numeric' })} ${row.key.slice(11)}:00`;
    if (by === 'hour') return `${row.key}:00`;
    if (by === 'weekday') return weekday(Number(row.key), 'long');
    if (row.key === '' || (by === 'agent' && row.key === '0')) return t('reports.none');
    return known(by, row.key);
  };
  const short: Words['short'] = (by, k) => {
    if (by === 'day') return date(k, { month: 'numeric', day: 'numeric' });
    if (by === 'moment') return `${k.slice(11)}:00`;
    if (by === 'weekday') return weekday(Number(k), 'short');
    return by === 'hour' ? k : '';
  };
  return { value, key, short };
}
