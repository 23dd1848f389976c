/** What a row of the audit log says, for people. */

/** Words is a translator that gives '' for what it has no word for. */
export type Words = (key: string) => string;

/** actName is an act's name, or the act of a former version as it is kept. */
export const actName = (words: Words, act: string): string => words(`audit.act.${act}`) || act;

/** subjectName is "user:7" as its kind's name and the rest. */
export function subjectName(words: Words, subject: string): { kind: string; rest: string } {
  const at = subject.indexOf(':');
  const kind = at < 0 ? subject : subject.slice(0, at);
  return { kind: words(`audit.subject.${kind}`) || kind, rest: at < 0 ? '' : subject.slice(at + 1) };
}

/** Field is one of the details: its name, its value in short, and the whole of it when that is long. */
export interface Field {
  key: string;
  name: string;
  text: string;
  folded: string;
}

/** shortest that is folded, in characters. */
const long = 120;

function write(words: Words, key: string, value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'boolean') return words(value ? 'audit.yes' : 'audit.no');
  if (key === 'role' && typeof value === 'string') return words(`role.${value}`) || value;
  if (Array.isArray(value)) return value.map((one) => write(words, '', one)).join(', ') || '–';
  if (typeof value === 'object') {
    return Object.entries(value)
      .map(([part, one]) => `${fieldName(words, part)} ${write(words, part, one)}`)
      .join(', ');
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const fieldName = (words: Words, key: string) => words(`audit.field.${key}`) || key.replaceAll('_', ' ');

/** fields are the details of a row, in the order in which they are kept. */
export function fields(words: Words, detail: Record<string, unknown>): Field[] {
  return Object.entries(detail).map(([key, value]) => {
    const text = write(words, key, value);
    const folded = text.length > long ? (typeof value === 'string' ? value : JSON.stringify(value, null, 2)) : '';
    return { key, name: fieldName(words, key), text: folded ? `${text.slice(0, long)}…` : text, folded };
  });
}
