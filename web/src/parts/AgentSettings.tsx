import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Form, Input, InputNumber, Modal, Popconfirm, Select, Switch } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { Agent } from '../api/model';
import { lost, Problem, problemKey } from '../api/problem';
import { agents, skills, users } from '../api/queries';
import { Failed, Waiting } from './Notice';
import { useMessage } from './messages';

interface Fields {
  user: string;
  skills?: Record<string, number | null>;
  languages?: string[];
  desk?: boolean;
}

/** useSaved sends a change of the settings and tells how it went. */
function useSaved<T>(send: (fields: T) => Promise<unknown>, done?: () => void) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  return useMutation({
    mutationFn: send,
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['queues'] });
      void message.success(t('settings.saved'));
      done?.();
    },
    onError: (error) => void message.error(error instanceof Problem && error.status === 422 ? error.detail : t(problemKey(error))),
  });
}

/** levels leaves out the skills that somebody does not have. */
const levels = (given: Fields['skills']) => Object.fromEntries(Object.entries(given ?? {}).filter(([, level]) => typeof level === 'number' && level > 0));

function AgentForm({ agent, onClose }: { agent: Agent | null; onClose: () => void }) {
  const { t } = useTranslation();
  const [form] = Form.useForm<Fields>();
  const people = useQuery(users);
  const team = useQuery(agents);
  const abilities = useQuery(skills);
  const taken = new Set((team.data ?? []).map((a) => a.id));
  const put = useSaved(({ user, ...fields }: Fields) => request(`/agents/${user}`, { method: 'PUT', body: { skills: levels(fields.skills), languages: fields.languages ?? [], desk: !!fields.desk, capacity: agent?.capacity } }), onClose);
  return (
    <Modal open title={agent ? t('setup.editAgent', { name: agent.name }) : t('setup.addAgent')} okText={t('settings.save')} cancelText={t('settings.cancel')} confirmLoading={put.isPending} onCancel={onClose} onOk={() => form.submit()} width={440}>
      <Form form={form} layout="vertical" requiredMark={false} initialValues={agent ? { user: agent.id, skills: agent.skills, languages: agent.languages, desk: agent.desk } : {}} onFinish={(fields) => put.mutate(fields)}>
        <Form.Item name="user" label={t('setup.user')} rules={[{ required: true, message: t('settings.required') }]}>
          <Select disabled={agent !== null} options={(people.data ?? []).filter((u) => agent?.id === u.id || (!taken.has(u.id) && !u.disabled)).map((u) => ({ value: u.id, label: u.name || u.username }))} />
        </Form.Item>
        {abilities.data?.length === 0 && <p className="settings-hint">{t('setup.noSkills')}</p>}
        {(abilities.data ?? []).map((skill) => (
          <Form.Item key={skill.name} name={['skills', skill.name]} label={t('setup.proficiency', { skill: skill.label || skill.name })}>
            <InputNumber min={0} max={1} step={0.1} />
          </Form.Item>
        ))}
        <Form.Item name="languages" label={t('setup.languages')} extra={t('setup.languagesHint')}>
          <Select
            mode="multiple"
            options={[
              { value: 'zh', label: '中文' },
              { value: 'en', label: 'English' },
            ]}
          />
        </Form.Item>
        <Form.Item name="desk" label={t('setup.desk')} valuePropName="checked">
          <Switch />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function SkillForm() {
  const { t } = useTranslation();
  const [form] = Form.useForm<{ name: string; label?: string }>();
  const put = useSaved(({ name, label }: { name: string; label?: string }) => request(`/skills/${encodeURIComponent(name)}`, { method: 'PUT', body: { label: label ?? '' } }), () => form.resetFields());
  return (
    <section className="card settings-form">
      <h2>{t('setup.addSkill')}</h2>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(fields) => put.mutate(fields)}>
        <Form.Item name="name" label={t('setup.skillName')} rules={[{ required: true, pattern: /^[a-z0-9][a-z0-9_-]{0,63}$/, message: t('setup.idHint') }]}>
          <Input spellCheck={false} />
        </Form.Item>
        <Form.Item name="label" label={t('setup.skillLabel')}>
          <Input maxLength={100} />
        </Form.Item>
        <Form.Item>
          <Button htmlType="submit" loading={put.isPending}>
            {t('setup.addSkill')}
          </Button>
        </Form.Item>
      </Form>
    </section>
  );
}

/** AgentSettings lists who takes work and what they are good at. */
export function AgentSettings() {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(agents);
  const abilities = useQuery(skills);
  const [edited, setEdited] = useState<Agent | 'new' | null>(null);
  const remove = useSaved((id: string) => request(`/agents/${id}`, { method: 'DELETE' }));
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting />;
  const label = (name: string) => abilities.data?.find((s) => s.name === name)?.label ?? name;
  return (
    <>
      <section className="card">
        <div className="card-head">
          <h2>{t('settings.agents')}</h2>
          <Button type="primary" size="small" onClick={() => setEdited('new')}>
            {t('setup.addAgent')}
          </Button>
        </div>
        {data.length === 0 && <p className="table-none">{t('queues.noAgents')}</p>}
        <ul>
          {data.map((agent) => (
            <li key={agent.id} className="user-row">
              <strong>{agent.name}</strong>
              <span className="num">
                {Object.entries(agent.skills)
                  .map(([name, level]) => `${label(name)} ${level}`)
                  .join(', ')}
              </span>
              <span className="muted">{agent.languages.map((lang) => t(`bot.lang.${lang}`, lang)).join(' · ')}</span>
              <Button size="small" onClick={() => setEdited(agent)} aria-label={t('settings.editUser', { name: agent.name })}>
                {t('settings.edit')}
              </Button>
              <Popconfirm title={t('look.removeAgentAsk', { name: agent.name })} okText={t('setup.removeAgent')} cancelText={t('settings.cancel')} onConfirm={() => remove.mutate(agent.id)}>
                <Button size="small" danger aria-label={`${t('setup.removeAgent')}: ${agent.name}`}>
                  {t('setup.removeAgent')}
                </Button>
              </Popconfirm>
            </li>
          ))}
        </ul>
        {edited && <AgentForm agent={edited === 'new' ? null : edited} onClose={() => setEdited(null)} />}
      </section>
      <SkillForm />
    </>
  );
}
