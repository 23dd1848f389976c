import type { Day, Span } from './kinds';

export const weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;

const one = /^(\d{1,2}):(\d{2})\s*[-–~至到]\s*(\d{1,2}):(\d{2})$/;

/** readSpans reads "9:00-12:00, 13:30-18:00"; null for what is no such thing. */
export function readSpans(text: string): Span[] | null {
  const spans: Span[] = [];
  for (const part of text.split(/[,，;；、]/)) {
    if (!part.trim()) continue;
    const found = one.exec(part.trim());
    if (!found) return null;
    const [h1, m1, h2, m2] = found.slice(1).map(Number) as [number, number, number, number];
    if (m1 > 59 || m2 > 59 || h1 * 60 + m1 >= h2 * 60 + m2 || h2 * 60 + m2 > 24 * 60) return null;
    const at = (h: number, m: number) => `${String(h).padStart(2, '0')}:${String(m).padStart(2, '0')}`;
    spans.push({ from: at(h1, m1), to: at(h2, m2) });
  }
  return spans;
}

export const writeSpans = (spans: readonly Span[] | undefined): string => (spans ?? []).map((s) => `${s.from}-${s.to}`).join(', ');

/** A day as a form has it: a holiday, other hours, or the hours of a weekday (a make-up workday). */
export interface DayForm {
  date: string;
  name?: string;
  kind: 'closed' | 'spans' | (typeof weekdays)[number];
  spans?: string;
}

export const dayForm = (day: Day): DayForm => ({
  date: day.date,
  name: day.name,
  kind: weekdays.find((w) => w === day.as) ?? (day.spans?.length ? 'spans' : 'closed'),
  spans: writeSpans(day.spans),
});

export function readDay(form: DayForm): Day {
  const day: Day = { date: form.date, name: form.name?.trim() ?? '' };
  if (form.kind === 'spans') day.spans = readSpans(form.spans ?? '') ?? [];
  else if (form.kind !== 'closed') day.as = form.kind;
  return day;
}
