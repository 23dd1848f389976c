import { Link, type ErrorComponentProps } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Problem } from '../api/problem';
import { Mark } from '../parts/Icon';
import '../parts/notice.css';
import './lost.css';

export function NotFound() {
  const { t } = useTranslation();
  return (
    <main className="lost">
      <Mark size={44} />
      <h1>{t('app.notFound')}</h1>
      <Link to="/">{t('app.home')}</Link>
    </main>
  );
}

/** Crashed stands in for a page that could not be drawn or loaded. */
export function Crashed({ error }: ErrorComponentProps) {
  const { t } = useTranslation();
  return (
    <main className="lost" role="alert">
      <Mark size={44} />
      <h1>{error instanceof Problem ? t(error.key) : t('app.crashed')}</h1>
      <button type="button" className="plain-button" onClick={() => window.location.reload()}>
        {t('app.reload')}
      </button>
    </main>
  );
}
