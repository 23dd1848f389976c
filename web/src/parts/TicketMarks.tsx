import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { ticketTypes } from '../api/tickets';
import { clock, useFormat } from '../i18n/format';

/** TypeName is what a type of ticket is called. */
export function TypeName({ name }: { name: string }) {
  const { i18n } = useTranslation();
  const type = useQuery(ticketTypes).data?.find((one) => one.name === name);
  if (!type) return <>{name}</>;
  return <>{i18n.language === 'zh-CN' ? type.label_zh : type.label_en}</>;
}

/** PriorityMark tells how pressing a ticket is; colour only from high on. */
export function PriorityMark({ priority, complaint }: { priority: string; complaint: boolean }) {
  const { t } = useTranslation();
  return (
    <span className="ticket-marks">
      <span className={`tag ticket-priority ticket-${priority}`}>{t(`ticket.priorities.${priority}`)}</span>
      {complaint && <span className="tag tag-poor">{t('ticket.complaint')}</span>}
    </span>
  );
}

const day = 86_400_000;

/** DueMark is the promise that ends first: a bar of what is used up, and how long is left or how late it is. */
export function DueMark({ due, kind, spent, now }: { due?: string; kind?: string; spent?: number; now: number }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  if (!due || due.startsWith('0001')) return <span className="muted">–</span>;
  const left = Date.parse(due) - now;
  const used = Math.min(1, Math.max(0, spent ?? 0));
  const level = left <= 0 ? 'late' : used >= 0.75 ? 'soon' : 'well';
  const span = Math.abs(left) > 2 * day ? t('ticket.days', { count: Math.floor(Math.abs(left) / day), value: number(Math.floor(Math.abs(left) / day)) }) : clock(Math.abs(left));
  return (
    <span className={`due due-${level}`} title={kind ? t(`ticket.clocks.${kind}`) : undefined}>
      <span className="due-bar" aria-hidden="true">
        <span style={{ inlineSize: `${100 * (left <= 0 ? 1 : used)}%` }} />
      </span>
      <span className="num">{t(left <= 0 ? 'ticket.lateBy' : 'ticket.leftOf', { span })}</span>
      {kind && <small className="muted">{t(`ticket.clocks.${kind}`)}</small>}
    </span>
  );
}
