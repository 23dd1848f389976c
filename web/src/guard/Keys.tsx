import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Form, Input, Modal, Popconfirm, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { problemKey } from '../api/problem';
import { useFormat } from '../i18n/format';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { keysOf, type ApiKey, type NewApiKey } from './api';
import { Once } from './Once';

const lives = [30, 90, 365, 0] as const;

interface Fields {
  name: string;
  scopes: string[];
  days: number;
}

function Add({ scopes, onClose, onMade }: { scopes: readonly string[]; onClose: () => void; onMade: (key: NewApiKey) => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const [form] = Form.useForm<Fields>();
  const create = useMutation({
    mutationFn: (body: Fields) => request<NewApiKey>('/api-keys', { method: 'POST', body }),
    onSuccess: async (key) => {
      await client.invalidateQueries({ queryKey: ['guard', 'keys'] });
      onMade(key);
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  const required = { required: true, message: t('settings.required') };
  return (
    <Modal open title={t('guard.addKey')} okText={t('guard.makeKey')} cancelText={t('settings.cancel')} confirmLoading={create.isPending} onCancel={onClose} onOk={() => form.submit()}>
      <Form form={form} layout="vertical" requiredMark={false} initialValues={{ days: 90 }} onFinish={(fields) => create.mutate(fields)}>
        <Form.Item name="name" label={t('guard.keyName')} extra={t('guard.keyNameHint')} rules={[required]}>
          <Input maxLength={100} autoFocus />
        </Form.Item>
        <Form.Item name="scopes" label={t('guard.scopes')} extra={t('guard.scopesHint')} rules={[required]}>
          <Select mode="multiple" options={scopes.map((value) => ({ value, label: value }))} />
        </Form.Item>
        <Form.Item name="days" label={t('guard.life')}>
          <Select options={lives.map((value) => ({ value, label: value ? t('guard.days', { count: value }) : t('guard.forever') }))} />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function Revoke({ of, all }: { of: ApiKey; all: boolean }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => request(all ? `/users/keys/${of.id}` : `/api-keys/${of.id}`, { method: 'DELETE' }),
    onSuccess: () => void message.success(t('guard.revoked')),
    onError: (error) => void message.error(t(problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: ['guard', 'keys'] }),
  });
  return (
    <Popconfirm title={t('guard.revokeAsk', { name: of.name })} okText={t('guard.revoke')} cancelText={t('settings.cancel')} onConfirm={() => revoke.mutate()}>
      <Button size="small" danger loading={revoke.isPending} aria-label={`${t('guard.revoke')}: ${of.name}`}>
        {t('guard.revoke')}
      </Button>
    </Popconfirm>
  );
}

/** stateOf is how a key stands. */
function stateOf(key: ApiKey, now: number): 'revoked' | 'expired' | 'living' {
  if (key.revoked_at) return 'revoked';
  return key.expires_at && Date.parse(key.expires_at) <= now ? 'expired' : 'living';
}

function Row({ of, all, now }: { of: ApiKey; all: boolean; now: number }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const state = stateOf(of, now);
  return (
    <li className="guard-row">
      <span className="guard-main">
        <strong>{of.name}</strong> <code>{of.prefix}…</code> {all && <span className="muted">{of.owner}</span>}
      </span>
      <span className="guard-facts muted">
        <span>{of.scopes.join(', ')}</span>
        <span>{of.used_at ? t('guard.used', { time: dateTime(of.used_at), from: of.used_from ?? '' }) : t('guard.neverUsed')}</span>
        {state === 'living' && <span>{of.expires_at ? t('guard.until', { time: dateTime(of.expires_at) }) : t('guard.forever')}</span>}
      </span>
      {state === 'living' ? <Revoke of={of} all={all} /> : <span className="tag">{t(`guard.${state}`)}</span>}
    </li>
  );
}

/** Keys are those of programs: one's own, or everybody's for administrators. */
export function Keys({ all = false }: { all?: boolean }) {
  const { t } = useTranslation();
  const { data, error, refetch, dataUpdatedAt } = useQuery(keysOf(all));
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<NewApiKey | null>(null);
  return (
    <section className="card guard-card">
      <div className="guard-head">
        <div>
          <h2>{t(all ? 'guard.allKeys' : 'guard.keys')}</h2>
          <p className="muted">{t(all ? 'guard.allKeysHint' : 'guard.keysHint')}</p>
        </div>
        {!all && (
          <Button onClick={() => setAdding(true)} disabled={!data}>
            {t('guard.addKey')}
          </Button>
        )}
      </div>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!data && !error && <Waiting rows={2} />}
      {data?.items.length === 0 && <Empty icon="lock" title={t('guard.noKeys')} />}
      {data && data.items.length > 0 && (
        <ul>
          {data.items.map((key) => (
            <Row key={key.id} of={key} all={all} now={dataUpdatedAt} />
          ))}
        </ul>
      )}
      {adding && data && (
        <Add
          scopes={data.scopes}
          onClose={() => setAdding(false)}
          onMade={(key) => {
            setAdding(false);
            setMade(key);
          }}
        />
      )}
      {made && <Once title={t('guard.keyMade')} words={t('guard.keyOnce')} text={made.token} onClose={() => setMade(null)} />}
    </section>
  );
}
