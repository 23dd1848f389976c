import { Modal } from 'antd';
import { useMemo, useState, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Icon } from '../parts/Icon';
import { keysOf, matching, useAllActions, type Action } from './actions';

/** Palette is every action that can be done now, found by its words. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const all = useAllActions();
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const found = useMemo(() => matching(all, typed).slice(0, 60), [all, typed]);
  const here = Math.min(at, found.length - 1);
  const run = (action: Action) => {
    onClose();
    // After the dialog has given the focus back.
    setTimeout(action.run, 0);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (by !== 0 && found.length > 0) {
      event.preventDefault();
      const next = (here + by + found.length) % found.length;
      setAt(next);
      document.getElementById(`palette-${next}`)?.scrollIntoView({ block: 'nearest' });
    }
    const chosen = found[here];
    if (event.key === 'Enter' && chosen) {
      event.preventDefault();
      run(chosen);
    }
  };
  return (
    <Modal open title={t('desktop.palette')} footer={null} onCancel={onClose} width={560} className="palette" destroyOnHidden>
      <input
        className="palette-input"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found[here] ? `palette-${here}` : undefined}
        aria-label={t('desktop.paletteHint')}
        placeholder={t('desktop.paletteHint')}
        value={typed}
        autoFocus
        onChange={(event) => {
          setTyped(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      <ul id="palette-list" role="listbox" aria-label={t('desktop.palette')} className="palette-list">
        {found.map((action, i) => (
          <li key={`${action.group}${action.id}`} id={`palette-${i}`} role="option" aria-selected={i === here} onClick={() => run(action)} onPointerMove={() => setAt(i)}>
            <Icon name={action.icon ?? 'more'} size={17} />
            <span className="palette-label">{action.label}</span>
            <small className="muted">{t(`desktop.actions.${action.group}`)}</small>
            <span className="palette-keys">
              {keysOf(action).map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p className="muted palette-none">{t('inbox.nothingFound')}</p>}
    </Modal>
  );
}
