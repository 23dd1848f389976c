import { useTranslation } from 'react-i18next';
import { useFormat } from '../i18n/format';

/** useMetric writes a figure of an alert with its unit. */
export function useMetric(): (metric: string, value: number) => string {
  const { t } = useTranslation();
  const { number } = useFormat();
  return (metric, value) => {
    if (metric === 'oldest' || metric === 'estimate') return t('admin.unit.seconds', { value: number(value) });
    if (metric === 'level') return t('unit.percent', { value: number(value) });
    return number(value);
  };
}
