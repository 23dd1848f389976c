import { Modal, Select } from 'antd';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Icon } from '../parts/Icon';
import { choose, microphone, usable, useChosen, useDevices, useLevel } from './devices';
import { testTone } from './sound';

/** useMicrophone has the chosen microphone open while the component is there. */
function useMicrophone(input: string): { stream: MediaStream | null; refused: string } {
  const [stream, setStream] = useState<MediaStream | null>(null);
  const [refused, setRefused] = useState('');
  useEffect(() => {
    if (!usable()) {
      setRefused('desk.stateHint.insecure');
      return;
    }
    let wanted = true;
    let open: MediaStream | null = null;
    const close = () => open?.getTracks().forEach((track) => track.stop());
    microphone().then(
      (found) => {
        open = found;
        if (!wanted) return close();
        setRefused('');
        setStream(found);
      },
      (error: unknown) => wanted && setRefused(error instanceof DOMException && error.name === 'NotAllowedError' ? 'desk.micRefused' : 'desk.micNone'),
    );
    return () => {
      wanted = false;
      close();
      setStream(null);
    };
  }, [input]);
  return { stream, refused };
}

function Level({ stream }: { stream: MediaStream | null }) {
  const { t } = useTranslation();
  const level = useLevel(stream);
  const bars = 20;
  const lit = Math.round(level * bars);
  return (
    <div className="level" role="meter" aria-label={t('desk.level')} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(level * 100)}>
      {Array.from({ length: bars }, (_, i) => (
        <span key={i} className={i < lit ? (i >= bars - 2 ? 'lit loud' : 'lit') : ''} />
      ))}
    </div>
  );
}

function Check() {
  const { t } = useTranslation();
  const { input, output } = useChosen();
  const { stream, refused } = useMicrophone(input);
  const { inputs, outputs } = useDevices(stream);
  const options = (devices: MediaDeviceInfo[]) => [{ value: '', label: t('desk.deviceDefault') }, ...devices.map((d, i) => ({ value: d.deviceId, label: d.label || `${t('desk.device')} ${i + 1}` }))];
  // One that was pulled out is shown as what is used in its place.
  const known = (id: string, devices: MediaDeviceInfo[]) => (devices.some((d) => d.deviceId === id) ? id : '');
  return (
    <div className="check">
      <section>
        <h3>
          <Icon name="mic" size={18} />
          {t('desk.microphone')}
        </h3>
        <Select aria-label={t('desk.microphone')} value={known(input, inputs)} options={options(inputs)} onChange={(id) => choose({ input: id })} />
        <Level stream={stream} />
        <p className={refused ? 'check-trouble' : 'muted'} role="status">
          {t(refused || 'desk.speak')}
        </p>
      </section>
      <section>
        <h3>
          <Icon name="speaker" size={18} />
          {t('desk.output')}
        </h3>
        <div className="check-output">
          <Select aria-label={t('desk.output')} value={known(output, outputs)} options={options(outputs)} onChange={(id) => choose({ output: id })} />
          <button type="button" className="small-button" onClick={() => testTone(output)}>
            <Icon name="play" size={14} />
            {t('desk.testTone')}
          </button>
        </div>
        <p className="muted">{t('desk.listen')}</p>
      </section>
    </div>
  );
}

/** DeviceCheck lets one see and hear that microphone and output work. */
export function DeviceCheck({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal open={open} onCancel={onClose} footer={null} title={t('desk.devices')} width={440} destroyOnHidden>
      <Check />
    </Modal>
  );
}
