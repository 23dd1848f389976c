import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Form, Input, InputNumber, Modal, Popconfirm, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { liveFlows } from '../admin/kinds';
import { request } from '../api/client';
import type { QueueSettings as Queue } from '../api/model';
import { lost, Problem, problemKey } from '../api/problem';
import { agents, calendars, queueSettings, skills, users } from '../api/queries';
import { Failed, Waiting } from './Notice';
import { useMessage } from './messages';

const strategies = ['best', 'longest_idle', 'least_recent', 'fewest_calls', 'least_talk', 'round_robin', 'ring_all', 'ring_progressively', 'bullseye', 'linear', 'random', 'weighted', 'skill', 'preferred'] as const;
const wraps = ['none', 'optional', 'manual', 'fixed', 'exact'] as const;
const closings = ['serve', 'send', 'keep'] as const;
const period = /^(\d+(\.\d+)?(h|m|s|ms))*$/;

type Fields = Pick<Queue, 'id' | 'name' | 'strategy' | 'skills' | 'calendar' | 'level' | 'wrap_up' | 'ring_time' | 'step' | 'on_close' | 'empty_after' | 'closed_flow'> & { people?: string[] };

/** merged keeps what the form does not show: rings, targets, orders and weights. */
function merged(queue: Queue | null, { people = [], ...fields }: Fields): Queue {
  const known = new Map((queue?.members ?? []).map((m) => [m.user, m]));
  return { ...queue, ...fields, calendar: fields.calendar ?? '', closed_flow: 'closed_flow' in fields ? (fields.closed_flow ?? '') : queue?.closed_flow, members: people.map((user, i) => known.get(user) ?? (fields.strategy === 'bullseye' ? { user, order: i } : { user })) };
}

function QueueForm({ queue, onClose }: { queue: Queue | null; onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const [form] = Form.useForm<Fields>();
  const strategy = Form.useWatch('strategy', form);
  const closing = Form.useWatch('on_close', form);
  const people = useQuery(users);
  const team = useQuery(agents);
  const abilities = useQuery(skills);
  const hours = useQuery(calendars);
  const flows = useQuery(liveFlows).data ?? [];
  const taking = new Set((team.data ?? []).map((a) => a.id));
  const put = useMutation({
    mutationFn: (fields: Fields) => request(`/queues/${fields.id}`, { method: 'PUT', body: merged(queue, fields) }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['queues'] });
      void message.success(t('settings.saved'));
      onClose();
    },
    onError: (error) => void message.error(error instanceof Problem && error.status === 422 ? error.detail : t(problemKey(error))),
  });
  const time = { pattern: period, message: t('setup.periodHint') };
  return (
    <Modal open title={queue ? t('setup.editQueue', { name: queue.name ?? queue.id }) : t('setup.addQueue')} okText={t('settings.save')} cancelText={t('settings.cancel')} confirmLoading={put.isPending} onCancel={onClose} onOk={() => form.submit()} width={520}>
      <Form form={form} layout="vertical" requiredMark={false} initialValues={queue ? { ...queue, strategy: queue.strategy ?? 'best', calendar: queue.calendar ?? undefined, closed_flow: queue.closed_flow ?? undefined, on_close: queue.on_close ?? 'serve', people: queue.members?.map((m) => m.user) } : { strategy: 'best', on_close: 'serve' }} onFinish={(fields) => put.mutate(fields)}>
        <Form.Item name="id" label={t('setup.id')} extra={t('setup.idHint')} rules={[{ required: true, pattern: /^[a-z0-9][a-z0-9_-]{0,63}$/, message: t('setup.idHint') }]}>
          <Input disabled={queue !== null} autoFocus={queue === null} spellCheck={false} />
        </Form.Item>
        <Form.Item name="name" label={t('callout.name')}>
          <Input maxLength={100} />
        </Form.Item>
        <Form.Item name="strategy" label={t('setup.strategy')}>
          <Select options={strategies.map((value) => ({ value, label: t(`setup.strategies.${value}`) }))} />
        </Form.Item>
        <Form.Item name="people" label={t('setup.members')}>
          <Select mode="multiple" options={(people.data ?? []).filter((u) => taking.has(u.id)).map((u) => ({ value: u.username, label: u.name || u.username }))} />
        </Form.Item>
        <Form.Item name="skills" label={t('setup.skills')}>
          <Select mode="multiple" options={(abilities.data ?? []).map((s) => ({ value: s.name, label: s.label || s.name }))} />
        </Form.Item>
        <Form.Item name="calendar" label={t('setup.calendar')}>
          <Select allowClear placeholder={t('setup.always')} options={(hours.data ?? []).map((c) => ({ value: c.name, label: c.name }))} />
        </Form.Item>
        <Form.Item name="on_close" label={t('floor.onClose')} extra={t(`floor.closingHints.${closing ?? 'serve'}`)}>
          <Select options={closings.map((value) => ({ value, label: t(`floor.closings.${value}`) }))} />
        </Form.Item>
        {closing !== 'keep' && (
          <>
            <Form.Item name="empty_after" label={t('floor.emptyAfter')} rules={[time]} extra={t('floor.emptyHint')}>
              <Input placeholder="10m" />
            </Form.Item>
            <Form.Item name="closed_flow" label={t('floor.closedFlow')} extra={t('floor.closedFlowHint')}>
              <Select allowClear placeholder={t('floor.words')} options={flows.map((flow) => ({ value: flow.name, label: flow.name }))} />
            </Form.Item>
          </>
        )}
        <Form.Item name={['wrap_up', 'mode']} label={t('setup.wrap')}>
          <Select allowClear options={wraps.map((value) => ({ value, label: t(`setup.wraps.${value}`) }))} />
        </Form.Item>
        <Form.Item name={['wrap_up', 'time']} label={t('setup.wrapTime')} rules={[time]} extra={t('setup.periodHint')}>
          <Input />
        </Form.Item>
        <Form.Item name={['level', 'percent']} label={t('setup.percent')}>
          <InputNumber min={1} max={100} placeholder="80" />
        </Form.Item>
        <Form.Item name={['level', 'within']} label={t('setup.within')} rules={[time]}>
          <Input placeholder="20s" />
        </Form.Item>
        {(strategy === 'ring_progressively' || strategy === 'bullseye') && (
          <Form.Item name="step" label={t('setup.step')} rules={[time]} extra={t('setup.stepHint')}>
            <Input placeholder="10s" />
          </Form.Item>
        )}
        <Form.Item name="ring_time" label={t('setup.ring')} rules={[time]}>
          <Input placeholder="20s" />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function Remove({ queue }: { queue: Queue }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => request(`/queues/${queue.id}`, { method: 'DELETE' }),
    onSuccess: () => void message.success(t('setup.removed')),
    onError: (error) => void message.error(t(error instanceof Problem && error.status === 409 ? 'setup.holdsWork' : problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: ['queues'] }),
  });
  return (
    <Popconfirm title={t('setup.removeAsk')} okText={t('setup.remove')} cancelText={t('settings.cancel')} onConfirm={() => remove.mutate()}>
      <Button size="small" danger loading={remove.isPending} aria-label={`${t('setup.remove')}: ${queue.name ?? queue.id}`}>
        {t('setup.remove')}
      </Button>
    </Popconfirm>
  );
}

/** QueueSettings lists the queues and changes them. */
export function QueueSettings() {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(queueSettings);
  const [edited, setEdited] = useState<Queue | 'new' | null>(null);
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting />;
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t('settings.queues')}</h2>
        <Button type="primary" size="small" onClick={() => setEdited('new')}>
          {t('setup.addQueue')}
        </Button>
      </div>
      {data.length === 0 && <p className="table-none">{t('queues.none')}</p>}
      <ul>
        {data.map((queue) => (
          <li key={queue.id} className="user-row">
            <span>
              <strong>{queue.name ?? queue.id}</strong> <span className="muted">{queue.id}</span>
            </span>
            <span>{t(`setup.strategies.${queue.strategy ?? 'best'}`)}</span>
            <span className="muted">{t('setup.memberCount', { count: queue.members?.length ?? 0 })}</span>
            <Button size="small" onClick={() => setEdited(queue)} aria-label={t('settings.editUser', { name: queue.name ?? queue.id })}>
              {t('settings.edit')}
            </Button>
            <Remove queue={queue} />
          </li>
        ))}
      </ul>
      {edited && <QueueForm queue={edited === 'new' ? null : edited} onClose={() => setEdited(null)} />}
    </section>
  );
}
