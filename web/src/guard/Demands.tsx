import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Checkbox, Form, InputNumber } from 'antd';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { problemKey } from '../api/problem';
import { session } from '../api/queries';
import { Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { roles } from '../shell/roles';
import { security, type Security } from './api';
import { Keys } from './Keys';
import { SectionHead } from '../admin/SectionHead';
import './guard.css';

function DemandForm({ now }: { now: Security }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: (body: Security) => request<Security>('/settings/security', { method: 'PUT', body: { second_factor: body.second_factor, idle_minutes: body.idle_minutes } }),
    onSuccess: async (set) => {
      client.setQueryData(security.queryKey, set);
      void message.success(t('settings.saved'));
      await client.invalidateQueries({ queryKey: session.queryKey });
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  return (
    <Form layout="vertical" requiredMark={false} initialValues={now} onFinish={(fields: Security) => save.mutate(fields)}>
      <Form.Item name="second_factor" label={t('guard.needFactor')} extra={t('guard.needFactorHint')}>
        <Checkbox.Group options={roles.map((value) => ({ value, label: t(`role.${value}`) }))} />
      </Form.Item>
      <Form.Item name="idle_minutes" label={t('guard.idle')} extra={t('guard.idleHint')}>
        <InputNumber min={0} max={480} precision={0} suffix={t('guard.minutes')} />
      </Form.Item>
      <Button type="primary" htmlType="submit" loading={save.isPending}>
        {t('settings.save')}
      </Button>
    </Form>
  );
}

/** Demands is what administrators demand of logins, and everybody's keys. */
export function Demands() {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(security);
  return (
    <section>
      <SectionHead title={t('guard.section')} about={t('guard.sectionHint')} />
      <div className="guard-stack">
        <section className="card guard-card guard-form">
          <h3>{t('guard.demands')}</h3>
          {error && <Failed error={error} retry={() => void refetch()} />}
          {!data && !error && <Waiting rows={3} />}
          {data && <DemandForm now={data} />}
        </section>
        <Keys all />
      </div>
    </section>
  );
}
