import { useTranslation } from 'react-i18next';

const pad = (n: number) => String(n).padStart(2, '0');

/** clock writes a length of time as 0:07, 12:03 or 1:02:03; negative counts as none. */
export function clock(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const h = Math.floor(s / 3600);
  const m = Math.floor(s / 60) % 60;
  return h > 0 ? `${h}:${pad(m)}:${pad(s % 60)}` : `${m}:${pad(s % 60)}`;
}

/** since is how long something has lasted at `now`, ms, as clock writes it; a dash for what never began: the server's year 1. */
export function since(iso: string, now: number): string {
  const at = Date.parse(iso);
  return at > 0 ? clock(now - at) : '–';
}

/** size writes bytes as kB, MB or GB. */
export function size(bytes: number): string {
  if (bytes < 1e6) return `${Math.max(bytes > 0 ? 1 : 0, Math.round(bytes / 1e3))} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

/** signed puts a plus before what grows, and writes no negative nought. */
export function signed(n: number, write: (n: number) => string): string {
  const whole = Math.round(n);
  if (whole === 0) return write(0);
  return whole > 0 ? `+${write(whole)}` : write(whole);
}

const units: Record<string, string> = { h: 'hour', m: 'minute', s: 'second' };

/** span writes a length of time of a setting, 1h30m, in words. */
export function span(text: string, language: string): string {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)].filter(([, n, unit]) => Number(n) > 0 && unit !== 'ms');
  // The long unit of Chinese, 5秒钟, does not fit into a sentence.
  const unitDisplay = language.startsWith('zh') ? 'short' : 'long';
  return parts.map(([, n, unit]) => Number(n).toLocaleString(language, { style: 'unit', unit: units[unit ?? 's'], unitDisplay })).join(' ') || text;
}

export interface Format {
  time: (iso: string) => string;
  day: (iso: string) => string;
  /** A day and its time to the minute; the year only if it is not this one. */
  dateTime: (iso: string) => string;
  /** To the second, with its year: for records and hints. */
  moment: (iso: string) => string;
  /** At most so many digits behind the point; exactly so many where numbers stand below each other. */
  number: (n: number, digits?: number, exact?: boolean) => string;
}

const cache = new Map<string, Format>();

/** make is the format of a language. */
export function make(language: string): Format {
  const time = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
  const day = new Intl.DateTimeFormat(language, { month: 'short', day: 'numeric', weekday: 'short' });
  const near = new Intl.DateTimeFormat(language, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const far = new Intl.DateTimeFormat(language, { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const whole = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
  return {
    time: (iso) => time.format(new Date(iso)),
    day: (iso) => day.format(new Date(iso)),
    dateTime: (iso) => {
      const at = new Date(iso);
      return (at.getFullYear() === new Date().getFullYear() ? near : far).format(at);
    },
    moment: (iso) => whole.format(new Date(iso)),
    number: (n, digits = 0, exact = false) => n.toLocaleString(language, { maximumFractionDigits: digits, minimumFractionDigits: exact ? digits : 0, signDisplay: 'negative' }),
  };
}

/** useFormat writes times and numbers as the chosen language does. */
export function useFormat(): Format {
  const { i18n } = useTranslation();
  const found = cache.get(i18n.language) ?? make(i18n.language);
  cache.set(i18n.language, found);
  return found;
}

/** firstOf is the first text that is not empty. */
export const firstOf = (...texts: readonly (string | undefined)[]): string => texts.find((text) => text) ?? '';
