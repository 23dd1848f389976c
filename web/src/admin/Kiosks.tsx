import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Form, Input, Modal, Popconfirm } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { lost, problemKey } from '../api/problem';
import { queueSettings } from '../api/queries';
import { useFormat } from '../i18n/format';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { Tags, Toggle } from './fields';
import { kiosks } from './kinds';
import { SectionHead } from './SectionHead';

interface Fields {
  name: string;
  queues?: string[];
  names?: boolean;
}

/** Address shows the address of a new wallboard: its token is told this once. */
function Address({ token, onClose }: { token: string; onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const address = `${window.location.origin}/wall#${token}`;
  return (
    <Modal open title={t('admin.kioskMade')} onCancel={onClose} footer={<Button onClick={onClose}>{t('admin.close')}</Button>}>
      <p>{t('admin.kioskOnce')}</p>
      <p className="admin-address">
        <code>{address}</code>
      </p>
      <Button
        onClick={() => {
          navigator.clipboard.writeText(address).then(
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

function Add({ onClose, onMade }: { onClose: () => void; onMade: (token: string) => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const [form] = Form.useForm<Fields>();
  const queues = useQuery(queueSettings).data ?? [];
  const create = useMutation({
    mutationFn: (body: Fields) => request<{ token: string }>('/kiosks', { method: 'POST', body }),
    onSuccess: async ({ token }) => {
      await client.invalidateQueries({ queryKey: kiosks.queryKey });
      onMade(token);
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  return (
    <Modal open title={t('admin.add.kiosks')} okText={t('admin.create')} cancelText={t('settings.cancel')} confirmLoading={create.isPending} onCancel={onClose} onOk={() => form.submit()}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(fields) => create.mutate(fields)}>
        <Form.Item name="name" label={t('admin.field.place')} rules={[{ required: true, message: t('settings.required') }]}>
          <Input maxLength={100} autoFocus placeholder={t('admin.hint.place')} />
        </Form.Item>
        <Tags name="queues" label="queues" hint="queues" options={queues.map((queue) => ({ value: queue.id, label: queue.name ?? queue.id }))} />
        <Toggle name="names" label="names" hint="names" />
      </Form>
    </Modal>
  );
}

function Revoke({ id, name }: { id: number; name: string }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const drop = useMutation({
    mutationFn: () => request(`/kiosks/${id}`, { method: 'DELETE' }),
    onSuccess: () => void message.success(t('admin.revoked')),
    onError: (error) => void message.error(t(problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: kiosks.queryKey }),
  });
  return (
    <Popconfirm title={t('admin.revokeAsk', { name })} okText={t('admin.revoke')} cancelText={t('settings.cancel')} onConfirm={() => drop.mutate()}>
      <Button size="small" danger loading={drop.isPending} aria-label={`${t('admin.revoke')}: ${name}`}>
        {t('admin.revoke')}
      </Button>
    </Popconfirm>
  );
}

/** Kiosks are the wallboards that work without a login. */
export function Kiosks() {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const { data, error, refetch } = useQuery(kiosks);
  const [adding, setAdding] = useState(false);
  const [token, setToken] = useState('');
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting />;
  return (
    <section>
      <SectionHead title={t('admin.sections.kiosks')} about={t('admin.about.kiosks')}>
        <span className="admin-acts">
          <a href="/wall" target="_blank" rel="noreferrer" className="admin-open">
            {t('admin.openWall')}
          </a>
          <Button type="primary" onClick={() => setAdding(true)}>
            {t('admin.add.kiosks')}
          </Button>
        </span>
      </SectionHead>
      {data.length === 0 ? (
        <div className="card">
          <Empty icon="live" title={t('admin.none.kiosks')} hint={t('admin.about.kiosks')} />
        </div>
      ) : (
        <ul className="card admin-list">
          {data.map((kiosk) => (
            <li key={kiosk.id} className="admin-row">
              <span className="admin-name">
                <strong>{kiosk.name}</strong>
              </span>
              <span className="admin-cells">
                <span className="admin-main">{kiosk.queues.length > 0 ? kiosk.queues.join(', ') : t('admin.allQueues')}</span>
                <span className="muted">{kiosk.names && t('admin.field.names')}</span>
                <span className="muted">{kiosk.seen_at ? t('admin.seen', { time: dateTime(kiosk.seen_at) }) : t('admin.neverSeen')}</span>
              </span>
              <span className="admin-acts">
                <Revoke id={kiosk.id} name={kiosk.name} />
              </span>
            </li>
          ))}
        </ul>
      )}
      {adding && (
        <Add
          onClose={() => setAdding(false)}
          onMade={(made) => {
            setAdding(false);
            setToken(made);
          }}
        />
      )}
      {token && <Address token={token} onClose={() => setToken('')} />}
    </section>
  );
}
