import { useTranslation } from 'react-i18next';
import { usePeople } from '../api/people';
import type { Action, Did } from './api';

/** useDone says what became of an action, in one line. */
export function useDone(): (did: Did, actions?: readonly Action[]) => string {
  const { t } = useTranslation();
  const people = usePeople();
  const value = (did: Did, side: 'was' | 'to'): string => {
    const v = did[side] as string | number | string[] | null | undefined;
    if (v === undefined || v === null) return '';
    if (Array.isArray(v)) return v.length > 0 ? v.join(', ') : '–';
    const word = `${v}`;
    if (did.do === 'assign' || did.do === 'follow') {
      if (v === 0) return t('rules.nobody');
      const who = people.find((one) => one.id === word);
      return who?.name ?? who?.username ?? `#${word}`;
    }
    if (did.do === 'priority') return t(`ticket.priorities.${word}`);
    if (did.do === 'state' || did.do === 'close' || did.do === 'snooze') return t(`rules.state.${word}`, word);
    return word;
  };
  return (did) => {
    const was = value(did, 'was');
    const to = value(did, 'to');
    const one = to === '' ? (did.ref ?? '') : to;
    const change = was !== '' && to !== '' ? `${was} → ${to}` : one;
    const line = `${t(`rules.do.${did.do}`)}${change ? `: ${change}` : ''}`;
    if (did.result === 'refused') return `${line} – ${t('rules.refused', { why: t(`rules.why.${did.reason}`, did.reason ?? '') })}`;
    if (did.result === 'same') return `${line} – ${t('rules.same')}`;
    return did.reason ? `${line} – ${did.reason}` : line;
  };
}
