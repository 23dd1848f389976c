import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Checkbox, Form, Input, Modal, Popconfirm, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { SectionHead } from '../admin/SectionHead';
import { request } from '../api/client';
import { problemKey } from '../api/problem';
import { queueSettings, users } from '../api/queries';
import { useMessage } from '../parts/messages';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { fields, nouns, roleRules, teams, type Reach, type RoleRule, type Team } from './api';
import './teams.css';

const newId = /^[a-z0-9][a-z0-9_-]{0,63}$/;

function TeamForm({ team, onClose }: { team?: Team; onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const [form] = Form.useForm<Team>();
  const people = useQuery(users).data ?? [];
  const queues = useQuery(queueSettings).data ?? [];
  const save = useMutation({
    mutationFn: ({ id, name, members, queues: own }: Team) => request(`/teams/${id}`, { method: 'PUT', body: { name: name ?? '', members, queues: own } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: teams.queryKey });
      void message.success(t('settings.saved'));
      onClose();
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  return (
    <Modal open title={t(team ? 'teams.change' : 'teams.add')} okText={t('settings.save')} cancelText={t('settings.cancel')} confirmLoading={save.isPending} onCancel={onClose} onOk={() => form.submit()}>
      <Form form={form} layout="vertical" requiredMark={false} initialValues={team ?? { members: [], queues: [] }} onFinish={(all) => save.mutate(all)}>
        <Form.Item name="id" label={t('teams.id')} extra={!team && t('teams.idHint')} rules={[{ required: true, message: t('settings.required') }, { pattern: newId, message: t('teams.idHint') }]}>
          <Input maxLength={64} disabled={!!team} autoFocus={!team} autoComplete="off" spellCheck={false} />
        </Form.Item>
        <Form.Item name="name" label={t('teams.name')}>
          <Input maxLength={100} autoComplete="off" />
        </Form.Item>
        <Form.Item name="members" label={t('teams.members')}>
          <Select mode="multiple" options={people.map((one) => ({ value: one.username, label: one.name ? `${one.name} (${one.username})` : one.username }))} showSearch={{ optionFilterProp: 'label' }} />
        </Form.Item>
        <Form.Item name="queues" label={t('teams.queues')} extra={t('teams.queuesHint')}>
          <Select mode="multiple" options={queues.map((one) => ({ value: one.id, label: one.name ?? one.id }))} showSearch={{ optionFilterProp: 'label' }} />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function Drop({ team }: { team: Team }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const drop = useMutation({
    mutationFn: () => request(`/teams/${team.id}`, { method: 'DELETE' }),
    onError: (error) => void message.error(t(problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: teams.queryKey }),
  });
  const name = team.name ?? team.id;
  return (
    <Popconfirm title={t('teams.dropAsk', { name })} okText={t('teams.drop')} cancelText={t('settings.cancel')} onConfirm={() => drop.mutate()}>
      <Button size="small" danger loading={drop.isPending} aria-label={`${t('teams.drop')}: ${name}`}>
        {t('teams.drop')}
      </Button>
    </Popconfirm>
  );
}

function RuleRow({ rule }: { rule: RoleRule }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: (body: Pick<RoleRule, 'reach' | 'hidden'>) => request<RoleRule>(`/role-rules/${rule.role}`, { method: 'PUT', body }),
    onSuccess: () => void message.success(t('settings.saved')),
    onError: (error) => void message.error(t(problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: roleRules.queryKey }),
  });
  const reaches = (['all', 'team', 'own'] as const).map((value) => ({ value, label: t(`teams.reach.${value}`) }));
  const fixed = rule.role === 'admin';
  return (
    <section className="card teams-rule" aria-label={t(`role.${rule.role}`)}>
      <h3>{t(`role.${rule.role}`)}</h3>
      {fixed ? (
        <p className="muted">{t('teams.adminSees')}</p>
      ) : (
        <>
          <div className="teams-nouns">
            {nouns.map((noun) => (
              <label key={noun}>
                <span>{t(`teams.noun.${noun}`)}</span>
                <Select
                  size="small"
                  value={(rule.reach[noun] as Reach | undefined) ?? 'all'}
                  options={reaches}
                  disabled={save.isPending}
                  aria-label={`${t(`role.${rule.role}`)}: ${t(`teams.noun.${noun}`)}`}
                  onChange={(reach: Reach) => save.mutate({ reach: { ...rule.reach, [noun]: reach }, hidden: rule.hidden })}
                />
              </label>
            ))}
          </div>
          <div className="teams-hidden">
            <span className="muted">{t('teams.hidden')}</span>
            <Checkbox.Group
              value={rule.hidden}
              disabled={save.isPending}
              options={fields.map((value) => ({ value, label: t(`teams.field.${value}`) }))}
              onChange={(hidden) => save.mutate({ reach: rule.reach, hidden })}
            />
          </div>
        </>
      )}
    </section>
  );
}

function Rules() {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(roleRules);
  return (
    <section>
      <SectionHead title={t('teams.rules')} about={t('teams.rulesHint')} />
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!data && !error && <Waiting rows={4} />}
      <div className="teams-rules">{data?.map((rule) => <RuleRow key={rule.role} rule={rule} />)}</div>
    </section>
  );
}

/** Teams are who works together, which queues are theirs, and how far each role sees. */
export function Teams() {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(teams);
  const [open, setOpen] = useState<Team | 'new' | null>(null);
  return (
    <div className="teams-stack">
      <section>
        <SectionHead title={t('teams.section')} about={t('teams.sectionHint')}>
          <Button type="primary" onClick={() => setOpen('new')}>
            {t('teams.add')}
          </Button>
        </SectionHead>
        {error && <Failed error={error} retry={() => void refetch()} />}
        {!data && !error && <Waiting rows={3} />}
        {data?.length === 0 && (
          <div className="card">
            <Empty icon="contacts" title={t('teams.none')} hint={t('teams.sectionHint')} />
          </div>
        )}
        {data && data.length > 0 && (
          <ul className="card admin-list">
            {data.map((team) => (
              <li key={team.id} className="admin-row">
                <span className="admin-name">
                  <strong>{team.name ?? team.id}</strong>
                  <small className="muted">{team.id}</small>
                </span>
                <span className="admin-cells">
                  <span className="admin-main">{team.members.length > 0 ? team.members.join(', ') : t('teams.nobody')}</span>
                  <span className="muted">{team.queues.length > 0 ? t('teams.ownQueues', { queues: team.queues.join(', ') }) : t('teams.noQueue')}</span>
                </span>
                <span className="admin-acts">
                  <Button size="small" onClick={() => setOpen(team)} aria-label={`${t('teams.change')}: ${team.name ?? team.id}`}>
                    {t('teams.change')}
                  </Button>
                  <Drop team={team} />
                </span>
              </li>
            ))}
          </ul>
        )}
      </section>
      <Rules />
      {open && <TeamForm team={open === 'new' ? undefined : open} onClose={() => setOpen(null)} />}
    </div>
  );
}
