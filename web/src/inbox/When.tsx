import { DatePicker, Modal } from 'antd';
import dayjs from 'dayjs';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

/** WhenBox asks for a moment to come. */
export default function WhenBox({ title, ok, onChoose, onClose }: { title: string; ok: string; onChoose: (at: string) => void; onClose: () => void }) {
  const { t } = useTranslation();
  const [at, setAt] = useState(() => dayjs().add(1, 'day').hour(9).minute(0).second(0));
  return (
    <Modal open title={title} okText={ok} cancelText={t('inbox.cancel')} onCancel={onClose} onOk={() => onChoose(at.toISOString())} okButtonProps={{ disabled: !at.isAfter(dayjs()) }} width={400}>
      <DatePicker showTime={{ format: 'HH:mm' }} format="YYYY-MM-DD HH:mm" value={at} allowClear={false} onChange={(value) => value && setAt(value)} style={{ width: '100%' }} aria-label={title} />
    </Modal>
  );
}
