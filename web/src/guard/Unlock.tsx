import { useMutation } from '@tanstack/react-query';
import { Button, Form, Input } from 'antd';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { Problem, problemKey } from '../api/problem';
import { Icon } from '../parts/Icon';
import { Leave } from './Leave';

/** Unlock asks for the password of whose page it is. */
export default function Unlock({ name, onOpen }: { name: string; onOpen: () => void }) {
  const { t } = useTranslation();
  const unlock = useMutation({ mutationFn: (password: string) => request('/session/unlock', { method: 'POST', body: { password } }), onSuccess: onOpen });
  const words = unlock.error instanceof Problem && unlock.error.status === 422 ? 'guard.wrongPassword' : unlock.error instanceof Problem && unlock.error.status === 429 ? 'login.locked' : problemKey(unlock.error);
  return (
    <div className="card guard-gate-card">
      <Icon name="lock" size={34} />
      <h1>{t('guard.lockedTitle')}</h1>
      <p className="muted">{t('guard.lockedHint', { name })}</p>
      <Form layout="vertical" requiredMark={false} onFinish={({ password }: { password: string }) => unlock.mutate(password)}>
        <Form.Item name="password" label={t('login.password')} validateStatus={unlock.error ? 'error' : undefined} help={unlock.error ? t(words) : undefined} rules={[{ required: true, message: t('settings.required') }]}>
          <Input.Password autoComplete="current-password" autoFocus />
        </Form.Item>
        <Button type="primary" block htmlType="submit" loading={unlock.isPending}>
          {t('guard.open')}
        </Button>
      </Form>
      <Leave />
    </div>
  );
}
