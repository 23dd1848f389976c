import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Problem, problemKey } from '../api/problem';
import { Icon, type IconName } from './Icon';
import './notice.css';

/** Empty says that there is nothing, and what will make it otherwise. */
export function Empty({ icon, title, hint, children }: { icon: IconName; title: string; hint?: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <Icon name={icon} size={34} />
      <p className="empty-title">{title}</p>
      {hint && <p className="muted">{hint}</p>}
      {children}
    </div>
  );
}

/** Failed says in one sentence what went wrong. What is not there will not be there the next time: that leads back. */
export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useTranslation();
  if (error instanceof Problem && error.status === 404) {
    return (
      <div role="alert">
        <Empty icon="search" title={t(problemKey(error))} hint={t('look.goneHint')}>
          <button type="button" className="plain-button" onClick={() => window.history.back()}>
            {t('look.back')}
          </button>
        </Empty>
      </div>
    );
  }
  return (
    <div className="failed" role="alert">
      <span>{t(problemKey(error))}</span>
      {retry && (
        <button type="button" onClick={retry}>
          {t('problem.retry')}
        </button>
      )}
    </div>
  );
}

/** Waiting holds the place of what is being loaded. */
export function Waiting({ rows = 5 }: { rows?: number }) {
  const { t } = useTranslation();
  return (
    <div className="waiting" role="status">
      <span className="hidden">{t('app.loading')}</span>
      {Array.from({ length: rows }, (_, i) => (
        <span key={i} className="waiting-bar" />
      ))}
    </div>
  );
}
