import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { Button, Form, Input, Modal } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { lost, problemKey } from '../api/problem';
import { useFormat } from '../i18n/format';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { put, settings } from './kinds';
import { Remove } from './SettingList';
import { SectionHead } from './SectionHead';

const first = (name: string) => `flow: ${name}
version: 1
language: zh

nodes:
  - id: greet
    say: "您好,欢迎来电。"

  - id: choose
    menu:
      prompt: "咨询请按一,人工服务请按二。"
      options: {"1": info, "2": bye}
      retries: 1
      else: bye

  - id: info
    say: "我们的服务时间是工作日九点到十八点。"

  - id: bye
    say: "感谢您的来电,再见。"

  - id: end
    hangup: true
`;

function NewFlow({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [form] = Form.useForm<{ name: string }>();
  const create = useMutation({
    mutationFn: ({ name }: { name: string }) => put('flows', name, { doc: { text: first(name) }, draft: true }),
    onSuccess: async (_, { name }) => {
      await client.invalidateQueries({ queryKey: ['admin'] });
      await navigate({ to: '/admin/flows/$name', params: { name } });
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  return (
    <Modal open title={t('admin.add.flows')} okText={t('admin.create')} cancelText={t('settings.cancel')} confirmLoading={create.isPending} onCancel={onClose} onOk={() => form.submit()}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(fields) => create.mutate(fields)}>
        <Form.Item name="name" label={t('admin.name')} extra={t('admin.flowNameHint')} rules={[{ required: true, pattern: /^[A-Za-z][A-Za-z0-9_-]{0,63}$/, message: t('admin.flowNameHint') }]}>
          <Input autoFocus spellCheck={false} />
        </Form.Item>
      </Form>
    </Modal>
  );
}

/** Flows lists the flow documents. */
export function Flows() {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const { data, error, refetch } = useQuery(settings('flows'));
  const [adding, setAdding] = useState(false);
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting />;
  return (
    <section>
      <SectionHead title={t('admin.sections.flows')} about={t('admin.about.flows')}>
        <Button type="primary" onClick={() => setAdding(true)}>
          {t('admin.add.flows')}
        </Button>
      </SectionHead>
      {data.items.length === 0 ? (
        <div className="card">
          <Empty icon="merge" title={t('admin.none.flows')} hint={t('admin.about.flows')} />
        </div>
      ) : (
        <ul className="card admin-list">
          {data.items.map((flow) => (
            <li key={flow.source + flow.name} className="admin-row">
              <span className="admin-name">
                <Link to="/admin/flows/$name" params={{ name: flow.name }}>
                  <strong>{flow.name}</strong>
                </Link>
                {flow.source === 'file' && <span className="tag">{t('admin.file')}</span>}
              </span>
              <span className="admin-cells">
                <span className="admin-main">
                  {flow.live > 0 && <span className="tag tag-good">{t('admin.liveVersion', { version: flow.live })}</span>}
                  {flow.source === 'stored' && flow.newest !== flow.live && <span className="tag tag-fair">{t('admin.draftVersion', { version: flow.newest })}</span>}
                </span>
                <span className="muted">{flow.author}</span>
                <span className="muted">{flow.at && dateTime(flow.at)}</span>
              </span>
              <span className="admin-acts">
                <Link to="/admin/flows/$name" params={{ name: flow.name }} className="admin-open">
                  {t(flow.source === 'file' ? 'admin.view' : 'settings.edit')}
                </Link>
                {flow.source === 'stored' && <Remove kind="flows" name={flow.name} />}
              </span>
            </li>
          ))}
        </ul>
      )}
      {adding && <NewFlow onClose={() => setAdding(false)} />}
    </section>
  );
}
