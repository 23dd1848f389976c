import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Icon } from '../parts/Icon';
import { Colleagues } from './Colleagues';
import type { Order } from './control';
import { dialable } from './state';

/** AddBox rings a third party into a call. */
export function AddBox({ order, close }: { order: (order: Order) => void; close: () => void }) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState('');
  const number = dialable(typed);
  const add = (to: object) => {
    order({ path: 'legs', body: { to } });
    close();
  };
  const button = (who: string, to: object, disabled = false) => (
    <button type="button" className="small-button small-main" disabled={disabled} aria-label={t('callwork.addWho', { who })} onClick={() => add(to)}>
      {t('callwork.add')}
    </button>
  );
  return (
    <div className="transfer-box">
      <h2>{t('callwork.addTitle')}</h2>
      <label className="transfer-find">
        <Icon name="search" size={16} />
        <span className="hidden">{t('desk.who')}</span>
        <input value={typed} onChange={(event) => setTyped(event.target.value)} placeholder={t('desk.who')} autoComplete="off" spellCheck={false} />
      </label>
      {number && (
        <div className="transfer-number">
          <strong className="num">{number}</strong>
          {button(number, /^[+\d*#]/.test(number) ? { number } : { user: number })}
        </div>
      )}
      <Colleagues find={typed} deeds={(c) => button(c.name || c.username, { user: c.username }, !c.reachable)} />
    </div>
  );
}
