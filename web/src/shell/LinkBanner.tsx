import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLink } from '../call/hooks';

/** patience is how long the connection may be away before the page says so in a sentence, ms: it mostly comes back at once. */
const patience = 4000;

/** LinkBanner says that the server is gone, what of the page still holds, and that nothing written is lost. */
export function LinkBanner() {
  const { t } = useTranslation();
  const link = useLink();
  const [long, setLong] = useState(false);
  const gone = link !== 'online';
  useEffect(() => {
    if (!gone) return;
    const timer = setTimeout(() => setLong(true), patience);
    return () => {
      clearTimeout(timer);
      setLong(false);
    };
  }, [gone]);
  if (!gone || !long) return null;
  return (
    <div className={`link-banner link-${link}`} role="status">
      {t(`link.${link}Hint`)} {t('look.draftsKept')}
    </div>
  );
}
