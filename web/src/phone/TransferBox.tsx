import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Icon } from '../parts/Icon';
import { Colleagues } from './Colleagues';
import { useDeeds, useSoftphone } from './hooks';
import { dialable, type Line } from './state';

/** TransferBox gives a call to somebody: at once, or after asking there first. */
export function TransferBox({ line, close }: { line: Line; close: () => void }) {
  const { t } = useTranslation();
  const phone = useSoftphone();
  const { dial } = useDeeds();
  const [typed, setTyped] = useState('');
  const number = dialable(typed);
  const give = (to: string) => {
    phone.transfer(line.id, to);
    close();
  };
  const ask = (to: string) => {
    dial(to);
    close();
  };
  const both = (to: string, who: string) => (
    <span className="transfer-deeds">
      <button type="button" className="small-button" onClick={() => ask(to)} title={t('desk.askHint')} aria-label={`${t('desk.ask')}: ${who}`}>
        {t('desk.ask')}
      </button>
      <button type="button" className="small-button small-main" onClick={() => give(to)} title={t('desk.giveHint')} aria-label={`${t('desk.give')}: ${who}`}>
        {t('desk.give')}
      </button>
    </span>
  );
  return (
    <div className="transfer-box">
      <h2>{t('desk.transferTo')}</h2>
      <label className="transfer-find">
        <Icon name="search" size={16} />
        <span className="hidden">{t('desk.who')}</span>
        <input value={typed} onChange={(event) => setTyped(event.target.value)} placeholder={t('desk.who')} autoComplete="off" spellCheck={false} />
      </label>
      {number && (
        <div className="transfer-number">
          <strong className="num">{number}</strong>
          {both(number, number)}
        </div>
      )}
      <Colleagues find={typed} deeds={(c) => both(c.username, c.name || c.username)} />
    </div>
  );
}
