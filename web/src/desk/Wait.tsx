import { useTranslation } from 'react-i18next';
import { useNow } from '../call/hooks';
import { clock } from '../i18n/format';

/** slow is after how long an unanswered message counts as late, ms. */
const slow = 100_000;

/** Wait is how long a customer has waited for an answer. */
export function Wait({ since }: { since: string }) {
  const now = useNow();
  const { t } = useTranslation();
  const ms = Math.max(0, now - Date.parse(since));
  return (
    <span className={ms > slow ? 'inbox-late num' : 'inbox-wait num'} title={t('inbox.waiting')}>
      {ms < 3_600_000 ? clock(ms) : ms < 172_800_000 ? t('inbox.hours', { count: Math.floor(ms / 3_600_000) }) : t('desktop.days', { count: Math.floor(ms / 86_400_000) })}
    </span>
  );
}

/** Ring is how much of the time for an answer is used: green, amber from three quarters on, red when it is over. */
export function Ring({ due, target }: { due: string; target: number }) {
  const now = useNow();
  const { t } = useTranslation();
  const left = Date.parse(due) - now;
  const used = target > 0 ? Math.max(0, Math.min(1, 1 - left / target)) : left <= 0 ? 1 : 0;
  const level = left <= 0 ? 'late' : used >= 0.75 ? 'soon' : 'well';
  const span = Math.abs(left) < 86_400_000 ? clock(Math.abs(left)) : t('desktop.days', { count: Math.floor(Math.abs(left) / 86_400_000) });
  const words = t(left <= 0 ? 'desktop.lateBy' : 'desktop.dueIn', { span });
  return (
    <span className={`sla sla-${level}`} role="img" aria-label={words} title={words}>
      <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
        <circle cx="10" cy="10" r="7.5" className="sla-ground" />
        <circle cx="10" cy="10" r="7.5" className="sla-used" pathLength={1} strokeDasharray={`${left <= 0 ? 1 : Math.max(0.04, used)} 1`} />
        {left <= 0 && <path d="M10 6v4.500M10 13.500h.01" className="sla-mark" />}
      </svg>
    </span>
  );
}
