import { Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { useLogout } from '../shell/logout';

/** Leave signs out of a page that shows nothing else. */
export function Leave() {
  const { t } = useTranslation();
  const leave = useLogout();
  return (
    <Button type="text" loading={leave.isPending} onClick={() => leave.mutate()}>
      {t('header.logout')}
    </Button>
  );
}
