import { useQuery } from '@tanstack/react-query';
import { Button, Input, InputNumber, Segmented, Select, Switch } from 'antd';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { usePeople } from '../api/people';
import { calendars, queueSettings } from '../api/queries';
import { ticketTypes } from '../api/tickets';
import { Icon } from '../parts/Icon';
import { vocabulary, type Condition, type Fact } from './api';

/** A condition as the form holds it: `not` stands at the node it turns around. */
export interface Node {
  not?: boolean;
  all?: Node[];
  any?: Node[];
  field?: string;
  op?: string;
  value?: unknown;
}

/** toNode makes a condition editable. */
export function toNode(condition: Condition | undefined): Node {
  if (!condition) return { all: [] };
  if (condition.not) {
    const inner = toNode(condition.not);
    return { ...inner, not: !inner.not };
  }
  if (condition.all) return { all: condition.all.map(toNode) };
  if (condition.any) return { any: condition.any.map(toNode) };
  return condition.field ? { field: condition.field, op: condition.op, value: condition.value } : { all: [] };
}

/** toRoot is toNode with a group at the root, to which more can be added. */
export function toRoot(condition: Condition | undefined): Node {
  const node = toNode(condition);
  return node.field || node.not ? { all: [node] } : node;
}

/** toCondition writes it as the server reads it; empty groups are left out. */
export function toCondition(node: Node): Condition | undefined {
  const turn = (condition: Condition): Condition => (node.not ? { not: condition } : condition);
  if (node.field) return turn({ field: node.field, op: node.op, value: node.value });
  const children = (node.all ?? node.any ?? []).map(toCondition).filter((one) => one !== undefined);
  if (children.length === 0) return undefined;
  return turn(node.any ? { any: children } : { all: children });
}

/** useFacts are the fields that conditions over some events may ask for. */
function useFacts(when: readonly string[]): Fact[] {
  const words = useQuery(vocabulary).data;
  const types = useQuery(ticketTypes).data;
  return useMemo(() => {
    if (!words) return [];
    const groups = when.map((name) => words.events.find((event) => event.name === name)?.groups ?? []);
    const allowed = groups.reduce<string[]>((left, right, i) => (i === 0 ? right : left.filter((group) => right.includes(group))), []);
    const facts = words.fields.filter((fact) => allowed.includes(fact.group));
    if (allowed.includes('ticket')) {
      const keys = new Set((types ?? []).flatMap((type) => type.fields.map((field) => field.key)));
      for (const key of keys) facts.push({ name: `ticket.field.${key}`, type: 'text', group: 'ticket' });
    }
    return facts;
  }, [words, types, when]);
}

/** useFactName names a field in the reader's language. */
function useFactName(): (name: string) => string {
  const { t } = useTranslation();
  return (name) => {
    const [group, second, ...rest] = name.split('.');
    if (second === 'field') return `${t('rules.formField')}: ${rest.join('.')}`;
    return t(`rules.field.${group}.${second}`, name);
  };
}

const tags = (values: readonly string[] | undefined, value: unknown, many: boolean) => ({
  value: many ? (Array.isArray(value) ? (value as string[]) : typeof value === 'string' ? [value] : []) : ((Array.isArray(value) ? (value as string[])[0] : value) as string | undefined),
  mode: many ? (values ? ('multiple' as const) : ('tags' as const)) : undefined,
});

/** ValueInput asks for what a condition compares with. */
function ValueInput({ fact, op, value, onChange }: { fact: Fact; op: string; value: unknown; onChange: (value: unknown) => void }) {
  const { t } = useTranslation();
  const people = usePeople();
  const hours = useQuery(calendars).data ?? [];
  const queues = useQuery(queueSettings).data ?? [];
  const types = useQuery(ticketTypes).data ?? [];
  const words = useQuery(vocabulary).data;
  const label = t('rules.value');
  const yes = (
    <Select aria-label={label} value={value === false ? 'no' : 'yes'} onChange={(v) => onChange(v === 'yes')} options={(['yes', 'no'] as const).map((v) => ({ value: v, label: t(`rules.${v}`) }))} />
  );
  if (op === 'empty' || fact.type === 'flag') return yes;
  if (fact.type === 'number') return <InputNumber aria-label={label} value={value as number | undefined} onChange={(v) => onChange(v ?? undefined)} />;
  if (fact.type === 'span') return <Input aria-label={label} value={(value as string | undefined) ?? ''} placeholder="72h" onChange={(event) => onChange(event.target.value)} />;
  if (fact.type === 'clock') {
    const [from, to] = Array.isArray(value) ? (value as string[]) : ['', ''];
    return (
      <span className="rule-clock">
        <Input aria-label={t('rules.from')} value={from} placeholder="22:00" onChange={(event) => onChange([event.target.value, to])} />–
        <Input aria-label={t('rules.to')} value={to} placeholder="06:00" onChange={(event) => onChange([from, event.target.value])} />
      </span>
    );
  }
  if (op === 'matches') return <Input aria-label={label} className="rule-pattern" value={(value as string | undefined) ?? ''} spellCheck={false} placeholder="(?i)order\s*\d+" onChange={(event) => onChange(event.target.value)} />;
  const many = op === 'in' || op === 'any' || op === 'has' || op === 'contains' || op === 'lexicon';
  let options: { value: string; label: string }[] | undefined;
  const second = fact.name.split('.')[1] ?? '';
  if (op === 'lexicon') options = words?.lexicons.map((name) => ({ value: name, label: t(`rules.lexicon.${name}`, name) }));
  else if (fact.type === 'user') options = [{ value: 'nobody', label: t('rules.nobody') }, ...people.map((one) => ({ value: one.username, label: one.name }))];
  else if (fact.type === 'calendar') options = hours.map((one) => ({ value: one.name, label: one.name }));
  else if (second === 'queue') options = queues.map((queue) => ({ value: queue.id, label: queue.name ?? queue.id }));
  else if (fact.name === 'ticket.type') options = types.map((type) => ({ value: type.name, label: type.name }));
  else if (fact.values) options = fact.values.map((v) => ({ value: v, label: t(`rules.word.${v}`, v) }));
  if (!options && !many) return <Input aria-label={label} value={(value as string | undefined) ?? ''} onChange={(event) => onChange(event.target.value)} />;
  const now = tags(options?.map((one) => one.value), value, many);
  return <Select aria-label={label} showSearch={{ optionFilterProp: 'label' }} mode={now.mode} value={now.value} options={options} open={options ? undefined : false} suffix={options ? undefined : null} tokenSeparators={options ? undefined : [',', '，', ';']} onChange={(v: string | string[]) => onChange(v)} />;
}

function Leaf({ node, facts, onChange, onRemove }: { node: Node; facts: Fact[]; onChange: (node: Node) => void; onRemove: () => void }) {
  const { t } = useTranslation();
  const name = useFactName();
  const words = useQuery(vocabulary).data;
  const fact = facts.find((one) => one.name === node.field);
  const groups = [...new Set(facts.map((one) => one.group))];
  const ops = (fact && words?.ops[fact.type]) ?? [];
  const choose = (field: string) => {
    const next = facts.find((one) => one.name === field);
    const op = (next && words?.ops[next.type]?.[0]) ?? 'is';
    onChange({ not: node.not, field, op, value: next?.type === 'flag' ? true : undefined });
  };
  return (
    <li className="rule-leaf">
      <Select
        aria-label={t('rules.what')}
        className="rule-what"
        showSearch={{ optionFilterProp: 'label' }}
        value={node.field === '' ? undefined : node.field}
        placeholder={t('rules.what')}
        options={groups.map((group) => ({ label: t(`rules.group.${group}`), options: facts.filter((one) => one.group === group).map((one) => ({ value: one.name, label: name(one.name) })) }))}
        onChange={choose}
      />
      {node.field && !fact && <span className="macro-refused">{t('rules.notHere')}</span>}
      {fact && (
        <>
          <span className="rule-not">
            <Switch size="small" checked={!!node.not} onChange={(not) => onChange({ ...node, not })} aria-label={t('rules.not')} />
            {t('rules.not')}
          </span>
          <Select aria-label={t('rules.how')} className="rule-op" value={node.op} options={ops.map((op) => ({ value: op, label: t(`rules.op.${op}`) }))} onChange={(op) => onChange({ ...node, op, value: op === 'empty' ? true : undefined })} />
          <span className="rule-value">
            <ValueInput fact={fact} op={node.op ?? ''} value={node.value} onChange={(value) => onChange({ ...node, value })} />
          </span>
        </>
      )}
      <Button type="text" size="small" aria-label={t('rules.removeCondition')} icon={<Icon name="close" size={14} />} onClick={onRemove} />
    </li>
  );
}

function Group({ node, facts, depth, onChange, onRemove }: { node: Node; facts: Fact[]; depth: number; onChange: (node: Node) => void; onRemove?: () => void }) {
  const { t } = useTranslation();
  const kind = node.any ? 'any' : 'all';
  const children = node[kind] ?? [];
  const put = (next: Node[]) => onChange({ not: node.not, [kind]: next });
  return (
    <div className="rule-group">
      <div className="rule-group-head">
        <Segmented size="small" value={kind} onChange={(next) => onChange({ not: node.not, [next]: children })} options={(['all', 'any'] as const).map((value) => ({ value, label: t(`rules.${value}`) }))} />
        {depth > 0 && (
          <span className="rule-not">
            <Switch size="small" checked={!!node.not} onChange={(not) => onChange({ ...node, not })} aria-label={t('rules.none')} />
            {t('rules.none')}
          </span>
        )}
        {onRemove && <Button type="text" size="small" aria-label={t('rules.removeGroup')} icon={<Icon name="close" size={14} />} onClick={onRemove} />}
      </div>
      <ul>
        {children.map((child, i) => {
          const change = (next: Node) => put(children.map((one, k) => (k === i ? next : one)));
          const remove = () => put(children.filter((_, k) => k !== i));
          return child.all || child.any ? (
            <li key={i}>
              <Group node={child} facts={facts} depth={depth + 1} onChange={change} onRemove={remove} />
            </li>
          ) : (
            <Leaf key={i} node={child} facts={facts} onChange={change} onRemove={remove} />
          );
        })}
      </ul>
      <div className="rule-group-foot">
        <Button size="small" onClick={() => put([...children, { field: '' }])}>
          {t('rules.addCondition')}
        </Button>
        {depth < 3 && (
          <Button size="small" type="text" onClick={() => put([...children, kind === 'all' ? { any: [{ field: '' }] } : { all: [{ field: '' }] }])}>
            {t('rules.addGroup')}
          </Button>
        )}
      </div>
    </div>
  );
}

/** Conditions edits a tree of conditions over some events. */
export function Conditions({ value, onChange, when }: { value?: Node; onChange?: (node: Node) => void; when: readonly string[] }) {
  const facts = useFacts(when);
  return <Group node={value ?? { all: [] }} facts={facts} depth={0} onChange={(node) => onChange?.(node)} />;
}
