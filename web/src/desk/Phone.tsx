import { useState, type SyntheticEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Icon } from '../parts/Icon';
import { Colleagues } from '../phone/Colleagues';
import { Keypad } from '../phone/Keypad';
import { Parked } from '../phone/Parked';
import { useDeeds, useReady } from '../phone/hooks';

/** Dialler takes a number or a user's name, from the keyboard or the pad. */
function Dialler() {
  const { t } = useTranslation();
  const { dial } = useDeeds();
  const ready = useReady();
  const [typed, setTyped] = useState('');
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (!ready) return;
    dial(typed);
    setTyped('');
  };
  return (
    <section className="card desk-dial" aria-label={t('desk.dial')}>
      <form onSubmit={submit}>
        <label>
          <span className="hidden">{t('desk.who')}</span>
          <input value={typed} onChange={(event) => setTyped(event.target.value)} placeholder={t('desk.who')} autoComplete="off" autoCapitalize="none" spellCheck={false} enterKeyHint="go" />
        </label>
        <button type="submit" className="dial-button" disabled={!ready || typed.trim() === ''} aria-label={t('desk.dial')} title={t('desk.dial')}>
          <Icon name="phone" size={20} />
        </button>
      </form>
      <Keypad label={t('desk.pad')} onKey={(key) => setTyped((text) => text + key)} />
    </section>
  );
}

function Team() {
  const { t } = useTranslation();
  const { dial } = useDeeds();
  const ready = useReady();
  return (
    <section className="card desk-team">
      <div className="card-head">
        <h2>{t('desk.team')}</h2>
      </div>
      <Colleagues
        deeds={(c) => (
          <button type="button" className="round" disabled={!ready || !c.reachable} onClick={() => dial(c.username)} aria-label={t('desk.callWho', { who: c.name || c.username })} title={t('desk.callWho', { who: c.name || c.username })}>
            <Icon name="phone" />
          </button>
        )}
      />
    </section>
  );
}

/** PhonePanel is the telephone: whom to call, and the devices. */
export function PhonePanel({ onDevices }: { onDevices: () => void }) {
  const { t } = useTranslation();
  return (
    <div className="desk-phone" role="group" aria-label={t('desk.phone')}>
      <div className="desk-head">
        <h2>{t('desk.phone')}</h2>
        <button type="button" className="small-button" onClick={onDevices}>
          <Icon name="settings" size={16} />
          {t('desk.devices')}
        </button>
      </div>
      <Dialler />
      <Parked />
      <Team />
    </div>
  );
}
