import { useQuery } from '@tanstack/react-query';
import { Button, Input, Select } from 'antd';
import { useTranslation } from 'react-i18next';
import { usePeople } from '../api/people';
import { queueSettings } from '../api/queries';
import { labels } from '../inbox/data';
import { Icon } from '../parts/Icon';
import { vocabulary, type Action } from './api';

const states = ['open', 'pending_customer', 'pending_third', 'on_hold', 'resolved', 'closed'];
const priorities = ['urgent', 'high', 'normal', 'low'];

/** Params asks for what an action needs. */
function Params({ action, macro, onChange }: { action: Action; macro: boolean; onChange: (action: Action) => void }) {
  const { t } = useTranslation();
  const people = usePeople();
  const queues = useQuery(queueSettings).data ?? [];
  const known = useQuery(labels).data ?? [];
  const words = useQuery(vocabulary).data;
  const set = (part: Partial<Action>) => onChange({ ...action, ...part });
  const users = people.map((one) => ({ value: one.username, label: one.name }));
  const choose = (field: 'user' | 'queue' | 'priority' | 'state' | 'template' | 'target' | 'macro' | 'survey', options: { value: string; label: string }[]) => (
    <Select aria-label={t(`rules.param.${field}`)} placeholder={t(`rules.param.${field}`)} showSearch={{ optionFilterProp: 'label' }} value={action[field] === '' ? undefined : action[field]} options={options} onChange={(value) => set({ [field]: value })} />
  );
  const named = (field: 'template' | 'target' | 'macro') => choose(field, (words?.names[field] ?? []).map((value) => ({ value, label: value })));
  const time = <Input aria-label={t('rules.param.for')} className="rule-short" value={action.for ?? ''} placeholder="4h" onChange={(event) => set({ for: event.target.value || undefined })} />;
  const text = (field: 'text' | 'text_zh') => (
    <Input.TextArea aria-label={t(`rules.param.${field}`)} placeholder={t(`rules.param.${field}`)} autoSize={{ minRows: 2, maxRows: 8 }} value={action[field] ?? ''} onChange={(event) => set({ [field]: event.target.value || undefined })} />
  );
  switch (action.do) {
    case 'assign':
      return choose('user', [...(macro ? [{ value: 'me', label: t('rules.me') }] : []), { value: 'nobody', label: t('rules.nobody') }, ...users]);
    case 'follow':
      return choose('user', [...(macro ? [{ value: 'me', label: t('rules.me') }] : []), ...users]);
    case 'queue':
      return choose('queue', queues.map((queue) => ({ value: queue.id, label: queue.name ?? queue.id })));
    case 'add_labels':
    case 'remove_labels':
      return (
        <Select aria-label={t('rules.param.labels')} mode="tags" placeholder={t('rules.param.labels')} value={action.labels ?? []} options={known.map((label) => ({ value: label.name, label: label.name }))} tokenSeparators={[',', '，']} onChange={(value: string[]) => set({ labels: value })} />
      );
    case 'priority':
      return choose('priority', priorities.map((value) => ({ value, label: t(`ticket.priorities.${value}`) })));
    case 'state':
      return (
        <>
          {choose('state', states.map((value) => ({ value, label: t(`ticket.states.${value}`) })))}
          {action.state === 'on_hold' && time}
        </>
      );
    case 'snooze':
      return time;
    case 'set_field':
      return (
        <>
          <Input aria-label={t('rules.param.key')} placeholder={t('rules.param.key')} value={action.key ?? ''} onChange={(event) => set({ key: event.target.value || undefined })} />
          <Input aria-label={t('rules.param.value')} placeholder={t('rules.param.value')} value={typeof action.value === 'string' ? action.value : action.value === undefined ? '' : JSON.stringify(action.value)} onChange={(event) => set({ value: event.target.value || undefined })} />
        </>
      );
    case 'note':
      return text('text');
    case 'reply':
      return (
        <>
          {text('text')}
          {text('text_zh')}
        </>
      );
    case 'notify':
      return (
        <>
          <Select aria-label={t('rules.param.users')} mode="multiple" placeholder={t('rules.param.users')} value={action.users ?? []} options={users} showSearch={{ optionFilterProp: 'label' }} onChange={(value: string[]) => set({ users: value })} />
          {text('text')}
        </>
      );
    case 'create_ticket':
      return named('template');
    case 'webhook':
      return named('target');
    case 'macro':
      return named('macro');
    case 'survey':
      return choose('survey', (['csat', 'nps'] as const).map((value) => ({ value, label: t(`surveys.ask.${value}`) })));
  }
  return null;
}

/** Actions edits an ordered list of what is done. */
export function Actions({ value = [], onChange, on, macro = false }: { value?: Action[]; onChange?: (actions: Action[]) => void; on: readonly string[]; macro?: boolean }) {
  const { t } = useTranslation();
  const words = useQuery(vocabulary).data;
  const kinds = (words?.actions ?? []).filter((kind) => kind.on.some((object) => on.includes(object)) && !(macro && kind.do === 'macro'));
  const put = (next: Action[]) => onChange?.(next);
  const swap = (i: number, k: number) => {
    const next = [...value];
    const [a, b] = [next[i], next[k]];
    if (!a || !b) return;
    next[i] = b;
    next[k] = a;
    put(next);
  };
  return (
    <div className="rule-actions">
      <ol>
        {value.map((action, i) => (
          <li key={i} className="rule-action">
            <Select aria-label={t('rules.action')} className="rule-do" showSearch={{ optionFilterProp: 'label' }} value={action.do} options={kinds.map((kind) => ({ value: kind.do, label: t(`rules.do.${kind.do}`) }))} onChange={(next) => put(value.map((one, k) => (k === i ? { do: next } : one)))} />
            <div className="rule-params">
              <Params action={action} macro={macro} onChange={(next) => put(value.map((one, k) => (k === i ? next : one)))} />
            </div>
            <span className="rule-order">
              <Button type="text" size="small" disabled={i === 0} aria-label={t('rules.earlier')} icon={<Icon name="up" size={14} />} onClick={() => swap(i, i - 1)} />
              <Button type="text" size="small" disabled={i === value.length - 1} aria-label={t('rules.later')} icon={<Icon name="down" size={14} />} onClick={() => swap(i, i + 1)} />
              <Button type="text" size="small" aria-label={t('rules.removeAction')} icon={<Icon name="close" size={14} />} onClick={() => put(value.filter((_, k) => k !== i))} />
            </span>
          </li>
        ))}
      </ol>
      <Select aria-label={t('rules.addAction')} showSearch={{ optionFilterProp: 'label' }} placeholder={t('rules.addAction')} value={null} options={kinds.map((kind) => ({ value: kind.do, label: t(`rules.do.${kind.do}`) }))} onChange={(next: Action['do'] | null) => next && put([...value, { do: next }])} />
    </div>
  );
}
