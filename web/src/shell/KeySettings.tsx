import { Button } from 'antd';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { changeable, changeables, holder, keyOf, resetKeys, setKey, usable, useKeymap, type Changeable, type Key } from './keymap';
import './keysettings.css';

const written = (key: Key): string => `${key.shift ? '⇧ ' : ''}${key.code.replace(/^Key/, '')}`;

/** KeySettings gives actions other keys. A key is pressed, not typed, so that it is the same place under every layout. */
export function KeySettings() {
  const { t } = useTranslation();
  const changed = useKeymap();
  const [asking, setAsking] = useState<Changeable | null>(null);
  const [fault, setFault] = useState('');
  useEffect(() => {
    if (!asking) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing || event.code.startsWith('Shift')) return;
      if (event.code === 'Tab') {
        setAsking(null);
        return;
      }
      event.preventDefault();
      event.stopPropagation();
      if (event.code === 'Escape') {
        setAsking(null);
        return;
      }
      const key = { code: event.code, shift: event.shiftKey };
      const other = holder(key, asking);
      if (event.ctrlKey || event.metaKey || event.altKey || !usable(event.code)) setFault(t('journey.keys.unfit'));
      else if (other) setFault(t('journey.keys.taken', { key: written(key), what: t(changeable[other].label) }));
      else {
        setKey(asking, key);
        setAsking(null);
        setFault('');
      }
    };
    window.addEventListener('keydown', onKey, true);
    return () => window.removeEventListener('keydown', onKey, true);
  }, [asking, t]);
  return (
    <section className="card settings-form" aria-labelledby="keys-own">
      <div className="key-head">
        <h2 id="keys-own">{t('journey.keys.title')}</h2>
        <Button size="small" disabled={Object.keys(changed).length === 0} onClick={resetKeys}>
          {t('journey.keys.reset')}
        </Button>
      </div>
      <p className="muted">{t('journey.keys.hint')}</p>
      <dl className="key-settings">
        {changeables.map((id) => (
          <div key={id}>
            <dt>{t(changeable[id].label)}</dt>
            <dd>
              <button
                type="button"
                className="small-button"
                aria-pressed={asking === id}
                aria-label={t('journey.keys.change', { what: t(changeable[id].label), key: written(keyOf(id, changeable[id])) })}
                onClick={() => {
                  setFault('');
                  setAsking(asking === id ? null : id);
                }}
                onBlur={() => setAsking((now) => (now === id ? null : now))}
              >
                {asking === id ? t('journey.keys.press') : <kbd>{written(keyOf(id, changeable[id]))}</kbd>}
              </button>
              {changed[id] && <small className="muted">{t('journey.keys.changed')}</small>}
            </dd>
          </div>
        ))}
      </dl>
      <p role="alert" className="key-fault">
        {fault}
      </p>
    </section>
  );
}
