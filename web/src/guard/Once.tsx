import { Button, Modal } from 'antd';
import { useTranslation } from 'react-i18next';
import { useMessage } from '../parts/messages';

/** Once shows what is told this once: a key, recovery codes. */
export function Once({ title, words, text, onClose }: { title: string; words: string; text: string; onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  return (
    <Modal open title={title} onCancel={onClose} mask={{ closable: false }} footer={<Button onClick={onClose}>{t('guard.kept')}</Button>}>
      <p>{words}</p>
      <pre className="guard-once">{text}</pre>
      <Button
        onClick={() => {
          navigator.clipboard.writeText(text).then(
            () => void message.success(t('admin.copied')),
            () => void message.error(t('admin.notCopied')),
          );
        }}
      >
        {t('admin.copy')}
      </Button>
    </Modal>
  );
}
