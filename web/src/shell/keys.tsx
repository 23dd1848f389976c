import { useNavigate } from '@tanstack/react-router';
import { Modal } from 'antd';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { Role } from '../api/model';
import { actionsNow, byKey, groups, keysOf, useAllActions } from './actions';
import { entries, letter, placesOf, type Path } from './nav';

/** typing says that a key belongs to a field, a menu or an input method, or is a chord of the browser. */
export function typing(event: KeyboardEvent): boolean {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return true;
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || !!target.closest('input, textarea, select, [role="menu"], [role="dialog"], [role="combobox"], [role="listbox"]');
}

const jumps = new Map<string, Path>(entries.flatMap((entry) => ('jump' in entry ? [[entry.jump, entry.path] as const] : [])));

/** useGlobalKeys: g then a letter goes somewhere, / searches, ? helps, Ctrl or ⌘ with K opens the palette, other keys are those of the actions. By key place, but for ? which is a character. */
export function useGlobalKeys(onHelp: () => void, onPalette: () => void): void {
  const navigate = useNavigate();
  const pending = useRef(0);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (document.querySelector('.guard-lock')) return;
      if (event.code === 'KeyK' && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && !event.isComposing) {
        event.preventDefault();
        onPalette();
        return;
      }
      if (typing(event)) return;
      if (event.key === '?') {
        onHelp();
        return;
      }
      if (event.code === 'KeyG' && !event.shiftKey) {
        pending.current = event.timeStamp;
        return;
      }
      const place = jumps.get(event.code);
      const jumping = pending.current > 0 && event.timeStamp - pending.current < 1500;
      pending.current = 0;
      if (place && jumping) {
        event.preventDefault();
        void navigate({ to: place });
        return;
      }
      const action = event.repeat ? undefined : byKey(actionsNow(), event.code, event.shiftKey);
      if (!action) return;
      event.preventDefault();
      action.run();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [navigate, onHelp, onPalette]);
}

function Row({ keys, label }: { keys: string[]; label: string }) {
  return (
    <div className="keys-row">
      <dt>
        {keys.map((k) => (
          <kbd key={k}>{k}</kbd>
        ))}
      </dt>
      <dd>{label}</dd>
    </div>
  );
}

export function KeyHelp({ role, open, onClose }: { role: Role; open: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const all = useAllActions();
  const here = all.filter((action) => action.code).sort((a, b) => groups.indexOf(a.group) - groups.indexOf(b.group));
  return (
    <Modal open={open} onCancel={onClose} footer={null} title={t('keys.title')} width={460}>
      <h3 className="keys-group">{t('keys.everywhere')}</h3>
      <dl>
        {placesOf(role).map((place) => 'jump' in place && <Row key={place.path} keys={['G', letter(place.jump)]} label={t(`nav.${place.key}`)} />)}
        <Row keys={['J', 'K']} label={t('keys.list')} />
        <Row keys={['/']} label={t('keys.search')} />
        <Row keys={['Ctrl', 'K']} label={t('desktop.palette')} />
        <Row keys={['?']} label={t('keys.help')} />
      </dl>
      {here.length > 0 && (
        <>
          <h3 className="keys-group">{t('desktop.keysHere')}</h3>
          <dl>
            {here.map((action) => (
              <Row key={`${action.group}${action.id}`} keys={[...keysOf(action)]} label={action.label} />
            ))}
          </dl>
        </>
      )}
      <h3 className="keys-group">{t('desktop.keysWriting')}</h3>
      <dl>
        <Row keys={['Ctrl', '⏎']} label={t('inbox.send')} />
        <Row keys={['Ctrl', '⇧', '⏎']} label={t('desktop.do.sendResolve')} />
        <Row keys={['Ctrl', '⇧', '.']} label={t('desktop.do.switch')} />
        <Row keys={['@']} label={t('desktop.mention')} />
        <Row keys={['Esc']} label={t('desktop.do.leave')} />
      </dl>
      <h3 className="keys-group">{t('keys.phone')}</h3>
      <dl>
        <Row keys={['Ctrl', '⇧', 'A']} label={t('desk.answer')} />
        <Row keys={['Ctrl', '⇧', 'H']} label={t('desk.holdResume')} />
        <Row keys={['Ctrl', '⇧', 'M']} label={t('desk.mute')} />
        <Row keys={['Ctrl', '⇧', 'X']} label={t('desk.hangup')} />
      </dl>
      <h3 className="keys-group">{t('keys.in_call')}</h3>
      <dl>
        <Row keys={['␣']} label={t('keys.playPause')} />
        <Row keys={['←', '→']} label={t('keys.jump')} />
        <Row keys={['J', 'K']} label={t('keys.utterance')} />
        <Row keys={['/']} label={t('keys.find')} />
        <Row keys={['Esc']} label={t('keys.close')} />
      </dl>
    </Modal>
  );
}
