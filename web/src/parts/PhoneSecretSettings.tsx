import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Modal, Popconfirm } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { phoneSecret, type PhoneSecret } from '../api/line';
import { problemKey } from '../api/problem';
import { useFormat } from '../i18n/format';
import { useMessage } from './messages';

/** Shown tells the new password, this once. */
function Shown({ secret, onClose }: { secret: PhoneSecret; onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const copy = () =>
    navigator.clipboard.writeText(secret.password ?? '').then(
      () => void message.success(t('admin.copied')),
      () => void message.error(t('admin.notCopied')),
    );
  return (
    <Modal
      open
      title={t('calldesk.secret.made')}
      onCancel={onClose}
      footer={[
        <Button key="copy" onClick={() => void copy()}>
          {t('admin.copy')}
        </Button>,
        <Button key="close" type="primary" onClick={onClose}>
          {t('admin.close')}
        </Button>,
      ]}
    >
      <p>{t('calldesk.secret.once')}</p>
      <dl className="secret-facts">
        <dt>{t('calldesk.secret.user')}</dt>
        <dd>
          <code>{secret.user}</code>
        </dd>
        <dt>{t('calldesk.secret.domain')}</dt>
        <dd>
          <code>{secret.domain}</code>
        </dd>
        <dt>{t('calldesk.secret.password')}</dt>
        <dd>
          <code>{secret.password}</code>
        </dd>
      </dl>
    </Modal>
  );
}

/** PhoneSecretSettings sets up one's own desk phone: what it registers with. */
export function PhoneSecretSettings() {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const message = useMessage();
  const client = useQueryClient();
  const { data } = useQuery(phoneSecret);
  const [shown, setShown] = useState<PhoneSecret | null>(null);
  const onError = (error: unknown) => void message.error(t(problemKey(error)));
  const onSettled = () => client.invalidateQueries({ queryKey: phoneSecret.queryKey });
  const make = useMutation({ mutationFn: () => request<PhoneSecret>('/session/phone/secret', { method: 'PUT', body: {} }), onSuccess: setShown, onError, onSettled });
  const drop = useMutation({ mutationFn: () => request('/session/phone/secret', { method: 'DELETE' }), onSuccess: () => void message.success(t('calldesk.secret.gone')), onError, onSettled });
  // A server without telephones says 404.
  if (!data) return null;
  return (
    <section className="card settings-form secret">
      <h2>{t('calldesk.secret.title')}</h2>
      <p className="settings-hint">{t('calldesk.secret.hint')}</p>
      <dl className="secret-facts">
        <dt>{t('calldesk.secret.user')}</dt>
        <dd>
          <code>{data.user}</code>
        </dd>
        <dt>{t('calldesk.secret.domain')}</dt>
        <dd>
          <code>{data.domain}</code>
        </dd>
        <dt>{t('calldesk.secret.password')}</dt>
        <dd>{data.set && data.set_at ? t('calldesk.secret.since', { time: dateTime(data.set_at) }) : t('calldesk.secret.none')}</dd>
      </dl>
      <div className="secret-acts">
        <Popconfirm title={t('calldesk.secret.newAsk')} okText={t('calldesk.secret.new')} cancelText={t('settings.cancel')} disabled={!data.set} onConfirm={() => make.mutate()}>
          <Button type="primary" loading={make.isPending} onClick={() => !data.set && make.mutate()}>
            {t(data.set ? 'calldesk.secret.new' : 'calldesk.secret.make')}
          </Button>
        </Popconfirm>
        {data.set && (
          <Popconfirm title={t('calldesk.secret.dropAsk')} okText={t('calldesk.secret.drop')} cancelText={t('settings.cancel')} onConfirm={() => drop.mutate()}>
            <Button danger loading={drop.isPending}>
              {t('calldesk.secret.drop')}
            </Button>
          </Popconfirm>
        )}
      </div>
      {shown && <Shown secret={shown} onClose={() => setShown(null)} />}
    </section>
  );
}
