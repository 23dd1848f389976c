import { useTranslation } from 'react-i18next';

/** Title names the page in the browser's tab. */
export function Title({ children }: { children: string }) {
  const { t } = useTranslation();
  return <title>{`${children} · ${t('app.name')}`}</title>;
}
