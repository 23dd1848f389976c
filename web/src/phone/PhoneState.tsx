import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Icon } from '../parts/Icon';
import { Tooltip } from '../parts/hung';
import { usePhone } from './hooks';
import type { Registration } from './state';

const looks: Record<Registration, string> = { off: 'off', elsewhere: 'off', insecure: 'offline', connecting: 'connecting', registered: 'online', failed: 'offline' };

/** PhoneState is always in sight: whether this page can make and take calls. */
export function PhoneState() {
  const { t } = useTranslation();
  const { registration, trouble } = usePhone();
  const hint = trouble ? t(`desk.trouble.${trouble}`) : t(`desk.stateHint.${registration}`);
  return (
    <Tooltip title={hint} placement="bottom">
      <Link to="/desk" className={`link link-${looks[registration]} phone-state`} data-registration={registration} aria-label={`${t('desk.phone')}: ${t(`desk.state.${registration}`)}`}>
        <Icon name="headset" size={15} />
        <span className="phone-words" role="status">
          {t(`desk.state.${registration}`)}
        </span>
      </Link>
    </Tooltip>
  );
}
