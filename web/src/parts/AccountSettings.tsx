import { useMutation } from '@tanstack/react-query';
import { Button, Form, Input, Segmented } from 'antd';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { User } from '../api/model';
import { Problem, problemKey } from '../api/problem';
import { setLanguage, type Language } from '../i18n';
import { setTheme, useChoice } from '../theme/theme';
import { PhoneSecretSettings } from './PhoneSecretSettings';
import { useMessage } from './messages';

/** The server's own rule; it has the last word. */
export const shortest = 10;

interface Change {
  old: string;
  new: string;
  repeat: string;
}

// 422 stands for both passwords; the server's own words tell which.
function sentence(error: unknown): string {
  if (error instanceof Problem && error.status === 422 && error.detail.includes('old password')) return 'settings.wrongOld';
  return problemKey(error);
}

function PasswordForm({ username }: { username: string }) {
  const { t } = useTranslation();
  const message = useMessage();
  const [form] = Form.useForm<Change>();
  const change = useMutation({
    mutationFn: (values: Change) => request('/session/password', { method: 'POST', body: { old: values.old, new: values.new }, anonymous: true }),
    onSuccess: () => {
      form.resetFields();
      void message.success(t('settings.changed'));
    },
    onError: (error) => void message.error(t(sentence(error))),
  });
  const required = { required: true, message: t('settings.required') };
  return (
    <section className="card settings-form">
      <h2>{t('settings.password')}</h2>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(values) => change.mutate(values)}>
        {/* For password managers. */}
        <input className="hidden" type="text" autoComplete="username" value={username} readOnly tabIndex={-1} aria-hidden="true" />
        <Form.Item name="old" label={t('settings.old')} rules={[required]}>
          <Input.Password autoComplete="current-password" />
        </Form.Item>
        <Form.Item name="new" label={t('settings.new')} rules={[required, { min: shortest, message: t('settings.short', { count: shortest }) }]}>
          <Input.Password autoComplete="new-password" />
        </Form.Item>
        <Form.Item
          name="repeat"
          label={t('settings.repeat')}
          dependencies={['new']}
          rules={[required, { validator: (_, value) => (!value || value === form.getFieldValue('new') ? Promise.resolve() : Promise.reject(new Error(t('settings.mismatch')))) }]}
        >
          <Input.Password autoComplete="new-password" />
        </Form.Item>
        <Form.Item>
          <Button type="primary" htmlType="submit" loading={change.isPending}>
            {t('settings.password')}
          </Button>
        </Form.Item>
      </Form>
    </section>
  );
}

function Appearance() {
  const { t, i18n } = useTranslation();
  const choice = useChoice();
  return (
    <section className="card settings-form">
      <h2>{t('settings.appearance')}</h2>
      <div className="settings-choice">
        <span>{t('header.language')}</span>
        <Segmented
          block
          value={i18n.language}
          options={[
            { value: 'zh-CN', label: '中文' },
            { value: 'en', label: 'English' },
          ]}
          onChange={(value) => void setLanguage(value as Language)}
        />
      </div>
      <div className="settings-choice">
        <span>{t('header.theme')}</span>
        <Segmented block value={choice} options={(['auto', 'light', 'dark'] as const).map((value) => ({ value, label: t(`header.${value}`) }))} onChange={(value) => setTheme(value)} />
      </div>
    </section>
  );
}

export function AccountSettings({ user }: { user: User }) {
  return (
    <div className="settings-pair">
      <PasswordForm username={user.username} />
      <Appearance />
      <PhoneSecretSettings />
    </div>
  );
}
