import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Form, Input, Modal, Select, Switch } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { Role, User } from '../api/model';
import { lost, Problem, problemKey } from '../api/problem';
import { users } from '../api/queries';
import { UserLogins } from '../guard/Places';
import '../guard/guard.css';
import { roles } from '../shell/roles';
import { shortest } from './AccountSettings';
import { Failed, Waiting } from './Notice';
import { useMessage } from './messages';

interface Fields {
  username: string;
  name?: string;
  role: Role;
  language?: string;
  password?: string;
  disabled?: boolean;
}

function save(user: User | null, { username, password, disabled, ...rest }: Fields) {
  const body = { ...rest, name: rest.name ?? '', language: rest.language ?? '', ...(password ? { password } : {}) };
  if (!user) return request('/users', { method: 'POST', body: { ...body, username: username.trim() } });
  return request(`/users/${user.id}`, { method: 'PATCH', body: { ...body, disabled: !!disabled } });
}

/** UserForm adds a user, or changes one. */
function UserForm({ user, self, onClose }: { user: User | null; self: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const [form] = Form.useForm<Fields>();
  const change = useMutation({
    mutationFn: (fields: Fields) => save(user, fields),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: users.queryKey });
      void message.success(t('settings.saved'));
      onClose();
    },
    onError: (error) => void message.error(t(error instanceof Problem && error.status === 409 && !user ? 'settings.taken' : problemKey(error))),
  });
  const required = { required: true, message: t('settings.required') };
  return (
    <Modal
      open
      title={user ? t('settings.editUser', { name: user.name || user.username }) : t('settings.create')}
      okText={t('settings.save')}
      cancelText={t('settings.cancel')}
      confirmLoading={change.isPending}
      onCancel={onClose}
      onOk={() => form.submit()}
      width={440}
    >
      <Form form={form} layout="vertical" requiredMark={false} autoComplete="off" initialValues={user ? { ...user, language: user.language || undefined } : { role: 'agent' }} onFinish={(fields) => change.mutate(fields)}>
        {!user && (
          <Form.Item name="username" label={t('settings.username')} rules={[required]}>
            <Input autoComplete="off" autoFocus spellCheck={false} />
          </Form.Item>
        )}
        <Form.Item name="name" label={t('settings.name')}>
          <Input autoComplete="off" />
        </Form.Item>
        <Form.Item name="role" label={t('settings.role')}>
          <Select disabled={self} options={roles.map((value) => ({ value, label: t(`role.${value}`) }))} />
        </Form.Item>
        <Form.Item name="language" label={t('settings.language')}>
          <Select
            allowClear
            options={[
              { value: 'zh-CN', label: '中文' },
              { value: 'en', label: 'English' },
            ]}
          />
        </Form.Item>
        <Form.Item name="password" label={t(user ? 'settings.reset' : 'settings.initial')} extra={user ? t('settings.resetHint') : undefined} rules={[...(user ? [] : [required]), { min: shortest, message: t('settings.short', { count: shortest }) }]}>
          <Input.Password autoComplete="new-password" />
        </Form.Item>
        {user && !self && (
          <Form.Item name="disabled" label={t('settings.disabled')} valuePropName="checked">
            <Switch />
          </Form.Item>
        )}
      </Form>
      {user && <UserLogins user={user.id} />}
    </Modal>
  );
}

/** UserSettings lists who may log in, and as what. */
export function UserSettings({ me }: { me: string | undefined }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(users);
  const [edited, setEdited] = useState<User | 'new' | null>(null);
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting />;
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t('settings.users')}</h2>
        <Button type="primary" size="small" onClick={() => setEdited('new')}>
          {t('settings.create')}
        </Button>
      </div>
      <ul>
        {data.map((user) => (
          <li key={user.id} className="user-row">
            <span>
              <strong>{user.name || user.username}</strong> {user.name && <span className="muted">{user.username}</span>}
            </span>
            <span>{t(`role.${user.role}`)}</span>
            <span className="muted">{{ 'zh-CN': '中文', en: 'English' }[user.language] ?? user.language}</span>
            <span className={user.disabled ? 'tag tag-poor' : 'tag tag-good'}>{t(user.disabled ? 'settings.disabled' : 'settings.active')}</span>
            <Button size="small" onClick={() => setEdited(user)} aria-label={t('settings.editUser', { name: user.name || user.username })}>
              {t('settings.edit')}
            </Button>
          </li>
        ))}
      </ul>
      {edited && <UserForm user={edited === 'new' ? null : edited} self={edited !== 'new' && edited.id === me} onClose={() => setEdited(null)} />}
    </section>
  );
}
