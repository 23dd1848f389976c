import { Alert, type FormInstance } from 'antd';
import { useTranslation } from 'react-i18next';
import { Problem, problemKey, type Fault } from '../api/problem';

const inside = new Set(['auth', 'credentials', 'caller_id']);

/** placeOf is the name of a form's field for the path of a document's: lists and maps are one field. */
export function placeOf(field: string): (string | number)[] {
  const parts = field.split(/[.[]/).map((part) => part.replace(/\]$/, ''));
  return inside.has(parts[0] ?? '') ? parts.slice(0, 2) : parts.slice(0, 1);
}

/** useFaults says what is wrong in the reader's language; what a part of the server says stays as it said it. */
export function useFaults(): (fault: Fault) => string {
  const { t } = useTranslation();
  return (fault) => {
    const known = t(`admin.fault.${fault.code}`, '');
    // Inside a list of conditions or actions the place matters.
    if (/^(if|then|actions|when|events|for)\b./.test(fault.field)) return `${known} ${fault.field}: ${fault.message}`.trim();
    if (fault.code === 'refused' || fault.code === 'in_use') return `${known} ${fault.message}`.trim();
    return known || fault.message;
  };
}

/** show puts what went wrong beside the fields, and returns what belongs to none. */
export function show<T>(form: FormInstance<T>, error: unknown, say: (fault: Fault) => string, scroll = true): Fault[] {
  if (!(error instanceof Problem) || error.faults.length === 0) return [];
  const rest: Fault[] = [];
  const byPlace = new Map<string, { name: (string | number)[]; errors: string[] }>();
  for (const fault of error.faults) {
    if (!fault.field) {
      rest.push(fault);
      continue;
    }
    const name = placeOf(fault.field);
    const key = name.join('.');
    const entry = byPlace.get(key) ?? { name, errors: [] };
    entry.errors.push(say(fault));
    byPlace.set(key, entry);
  }
  form.setFields([...byPlace.values()] as Parameters<typeof form.setFields>[0]);
  const first = [...byPlace.values()][0];
  if (first && scroll) form.scrollToField(first.name as Parameters<typeof form.scrollToField>[0], { block: 'center' });
  return rest;
}

/** Faults lists what belongs to no field. */
export function Faults({ faults, error }: { faults: Fault[]; error?: unknown }) {
  const { t } = useTranslation();
  const say = useFaults();
  const plain = error && !(error instanceof Problem && error.faults.length > 0);
  if (faults.length === 0 && !plain) return null;
  const detail = error instanceof Problem && error.status === 422 ? error.detail : '';
  return (
    <Alert
      type="error"
      showIcon
      className="admin-faults"
      title={
        <ul>
          {faults.map((fault) => (
            <li key={fault.code + fault.message}>{say(fault)}</li>
          ))}
          {!!plain && (
            <li>
              {t(problemKey(error))} {detail}
            </li>
          )}
        </ul>
      }
    />
  );
}
