import { Modal } from 'antd';
import { useLayoutEffect } from 'react';
import { useTranslation } from 'react-i18next';
import type { Role } from '../api/model';
import { groups, keysOf, useAllActions } from './actions';
import { letter, placesOf } from './nav';

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

/** KeyHelp lists the keys that do something here. */
export default function KeyHelp({ role, onClose }: { role: Role; onClose: () => void }) {
  const { t } = useTranslation();
  // The dialog hears Escape when it has the focus; whoever is quicker is heard, too.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape') onClose();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [onClose]);
  const all = useAllActions();
  const here = all.filter((action) => action.code).sort((a, b) => groups.indexOf(a.group) - groups.indexOf(b.group));
  return (
    <Modal open onCancel={onClose} footer={null} title={t('keys.title')} width={820}>
      <div className="keys-sheet">
        <section>
          <h3 className="keys-group">{t('keys.everywhere')}</h3>
          <dl>
            {placesOf(role).map((place) => 'jump' in place && <Row key={place.path} keys={['G', letter(place.jump)]} label={t(`nav.${place.key}`)} />)}
            <Row keys={['J', 'K']} label={t('keys.list')} />
            <Row keys={['/']} label={t('keys.search')} />
            <Row keys={['Ctrl', 'K']} label={t('desktop.palette')} />
            <Row keys={['?']} label={t('keys.help')} />
          </dl>
        </section>
        {here.length > 0 && (
          <section>
            <h3 className="keys-group">{t('desktop.keysHere')}</h3>
            <dl>
              {here.map((action) => (
                <Row key={`${action.group}${action.id}`} keys={[...keysOf(action)]} label={action.label} />
              ))}
            </dl>
          </section>
        )}
        <section>
          <h3 className="keys-group">{t('desktop.keysWriting')}</h3>
          <dl>
            <Row keys={['Ctrl', '⏎']} label={t('inbox.send')} />
            <Row keys={['Ctrl', '⇧', '⏎']} label={t('desktop.do.sendResolve')} />
            <Row keys={['Ctrl', '⇧', '.']} label={t('desktop.do.switch')} />
            <Row keys={['@']} label={t('desktop.mention')} />
            <Row keys={['Esc']} label={t('desktop.do.leave')} />
          </dl>
        </section>
        <section>
          <h3 className="keys-group">{t('keys.phone')}</h3>
          <dl>
            <Row keys={['Ctrl', '⇧', 'A']} label={t('desk.answer')} />
            <Row keys={['Ctrl', '⇧', 'H']} label={t('desk.holdResume')} />
            <Row keys={['Ctrl', '⇧', 'M']} label={t('desk.mute')} />
            <Row keys={['Ctrl', '⇧', 'X']} label={t('desk.hangup')} />
          </dl>
        </section>
        <section>
          <h3 className="keys-group">{t('keys.in_call')}</h3>
          <dl>
            <Row keys={['␣']} label={t('keys.playPause')} />
            <Row keys={['←', '→']} label={t('keys.jump')} />
            <Row keys={['J', 'K']} label={t('keys.utterance')} />
            <Row keys={['/']} label={t('keys.find')} />
            <Row keys={['Esc']} label={t('keys.close')} />
          </dl>
        </section>
      </div>
    </Modal>
  );
}
