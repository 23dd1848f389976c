import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Form, InputNumber } from 'antd';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { Retention } from '../api/model';
import { lost, problemKey } from '../api/problem';
import { retention } from '../api/queries';
import { Failed, Waiting } from './Notice';
import { useMessage } from './messages';

const classes = ['recordings_days', 'transcripts_days', 'records_days', 'audit_days'] as const;

/** RetentionSettings: how many days each class of data is kept. */
export function RetentionSettings() {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(retention);
  const save = useMutation({
    mutationFn: (body: Retention) => request<Retention | undefined>('/settings/retention', { method: 'PUT', body }),
    onSuccess: (_, body) => {
      client.setQueryData(retention.queryKey, body);
      void message.success(t('settings.saved'));
    },
    onError: (problem) => void message.error(t(problemKey(problem))),
  });
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting rows={4} />;
  return (
    <section className="card settings-form">
      <h2>{t('settings.retention')}</h2>
      <p className="settings-hint">{t('settings.retentionHint')}</p>
      <Form layout="vertical" requiredMark={false} initialValues={data} onFinish={(values: Retention) => save.mutate(values)}>
        {classes.map((name) => (
          <Form.Item key={name} name={name} label={t(`settings.${name}`)} rules={[{ required: true, message: t('settings.required') }]}>
            <InputNumber min={0} max={36500} precision={0} suffix={t('settings.days')} style={{ width: 180 }} />
          </Form.Item>
        ))}
        <Form.Item>
          <Button type="primary" htmlType="submit" loading={save.isPending}>
            {t('settings.save')}
          </Button>
        </Form.Item>
      </Form>
    </section>
  );
}
