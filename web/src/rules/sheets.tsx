import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Alert, Button, Form, Input, InputNumber, Select, Switch, type FormInstance } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { problemKey, Problem } from '../api/problem';
import { queueSettings } from '../api/queries';
import { ticketTypes } from '../api/tickets';
import { Secret } from '../admin/fields';
import { bare, type Rule, type Macro, type Template, type Webhook } from '../admin/kinds';
import { SettingList, type Sheet } from '../admin/SettingList';
import { span, useFormat } from '../i18n/format';
import { useMessage } from '../parts/messages';
import { Actions } from './Actions';
import { testWebhook, tryRule, vocabulary, type Action, type Trial } from './api';
import { Conditions, toCondition, toRoot, type Node } from './Conditions';
import { Runs } from './Runs';
import { useDone } from './words';
import './rules.css';

const required = (message: string) => ({ required: true, message });

/** useEvents are the types of events, grouped by what they happen to. */
function useEvents() {
  const { t } = useTranslation();
  const all = useQuery(vocabulary).data?.events ?? [];
  const objects = [...new Set(all.map((event) => event.object))];
  return objects.map((object) => ({ label: t(`rules.group.${object}`), options: all.filter((event) => event.object === object).map((event) => ({ value: event.name, label: t(`rules.event.${event.name}`) })) }));
}

type RuleForm = Partial<Omit<Rule, 'if'>> & { if?: Node };

const ruleOf = ({ if: root, ...form }: RuleForm): Rule => {
  const condition = toCondition(root ?? { all: [] });
  return { ...bare(form), when: form.when ?? [], then: form.then ?? [], ...(condition ? { if: condition } : {}) };
};

/** TrialBox looks how the rule, as it stands in the form, would have fared. */
function TrialBox({ form, name }: { form: FormInstance<RuleForm>; name: string }) {
  const { t } = useTranslation();
  const { dateTime, number } = useFormat();
  const say = useDone();
  const trial = useMutation({
    mutationFn: () => {
      const values = { ...(form.getFieldsValue(true) as RuleForm & { name?: string }) };
      delete values.name; // it is beside the document
      return tryRule(name === '' ? 'new' : name, ruleOf(values), 7);
    },
  });
  const found: Trial | undefined = trial.data;
  return (
    <section className="rule-trial">
      <Button onClick={() => trial.mutate()} loading={trial.isPending}>
        {t('rules.try')}
      </Button>
      {trial.error && <Alert type="error" showIcon title={`${t(problemKey(trial.error))} ${trial.error instanceof Problem ? trial.error.detail : ''}`} />}
      {found && (
        <div role="status">
          <p>
            <strong>{t('rules.tried', { count: found.matched, shown: number(found.matched) })}</strong>{' '}
            <span className="muted">
              {t('rules.triedOf', { heard: number(found.heard), objects: number(found.objects), actions: number(found.actions), acted: number(found.acted) })}
              {!found.whole && ` ${t('rules.triedPart')}`}
            </span>
          </p>
          <ul className="rule-samples">
            {found.samples.slice(0, 8).map((sample) => (
              <li key={sample.event}>
                <span className="muted num">{dateTime(sample.at)}</span>{' '}
                {sample.object === 'ticket' ? (
                  <Link to="/tickets/$ticketId" params={{ ticketId: sample.object_id }} target="_blank">
                    #{sample.object_id}
                  </Link>
                ) : (
                  <span className="num">
                    {t(`rules.group.${sample.object}`)} {sample.object_id.slice(0, 8)}
                  </span>
                )}{' '}
                {sample.steps.map((step) => say(step)).join(' · ')}
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}

function RuleFields({ form, name }: { form: FormInstance<RuleForm>; name: string }) {
  const { t } = useTranslation();
  const when = Form.useWatch('when', form) ?? [];
  const events = useEvents();
  const all = useQuery(vocabulary).data?.events ?? [];
  const objects = [...new Set(when.map((one) => all.find((event) => event.name === one)?.object ?? ''))];
  return (
    <>
      <Form.Item name="label" label={t('rules.label')}>
        <Input maxLength={200} />
      </Form.Item>
      <Form.Item name="when" label={t('rules.when')} rules={[required(t('settings.required'))]}>
        <Select mode="multiple" options={events} showSearch={{ optionFilterProp: 'label' }} placeholder={t('rules.whenHint')} />
      </Form.Item>
      <Form.Item name="after" label={t('rules.after')} extra={t('rules.afterHint')}>
        <Input placeholder="72h" style={{ maxWidth: 160 }} autoComplete="off" />
      </Form.Item>
      <Form.Item name="if" label={t('rules.if')}>
        <Conditions when={when} />
      </Form.Item>
      <Form.Item name="then" label={t('rules.then')} rules={[required(t('settings.required'))]}>
        <Actions on={objects} />
      </Form.Item>
      <div className="admin-pair">
        <Form.Item name="position" label={t('rules.position')} extra={t('rules.positionHint')}>
          <InputNumber min={0} max={100_000} />
        </Form.Item>
        <Form.Item name="zone" label={t('rules.zone')}>
          <Input placeholder="Asia/Shanghai" autoComplete="off" />
        </Form.Item>
        <Form.Item name="stop" label={t('rules.stop')} valuePropName="checked">
          <Switch />
        </Form.Item>
        <Form.Item name="off" label={t('rules.off')} valuePropName="checked">
          <Switch />
        </Form.Item>
      </div>
      <TrialBox form={form} name={name} />
      {name && <Runs kind="rule" name={name} />}
    </>
  );
}

function RuleCells({ doc }: { doc: Rule }) {
  const { t, i18n } = useTranslation();
  return (
    <>
      <span className="admin-main">
        {doc.label && <strong>{doc.label} </strong>}
        {doc.when.map((name) => t(`rules.event.${name}`)).join(' · ')}
        {doc.after && <span className="muted"> + {span(doc.after, i18n.language)}</span>}
      </span>
      <span>{doc.then.map((action) => t(`rules.do.${action.do}`)).join(' · ')}</span>
      <span className="muted">{[doc.off && t('admin.isOff'), doc.stop && t('rules.stops')].filter(Boolean).join(' · ')}</span>
    </>
  );
}

const ruleSheet: Sheet<'rules', RuleForm> = {
  kind: 'rules',
  icon: 'merge',
  wide: true,
  check: true,
  order: (a, b) => (a.doc.position ?? 0) - (b.doc.position ?? 0) || (a.name < b.name ? -1 : 1),
  cells: ({ doc }) => <RuleCells doc={doc} />,
  fields: ({ form, name }) => <RuleFields form={form} name={name} />,
  toForm: (doc) => ({ when: [], then: [], ...doc, if: toRoot(doc?.if) }),
  toDoc: (form) => ruleOf(form),
};

/** Automation is the rules, in the order in which they are asked. */
export const Automation = () => <SettingList sheet={ruleSheet} />;

function MacroFields({ form, name }: { form: FormInstance<MacroForm>; name: string }) {
  const { t } = useTranslation();
  const on = Form.useWatch('for', form) ?? [];
  const queues = useQuery(queueSettings).data ?? [];
  return (
    <>
      <Form.Item name="label" label={t('rules.label')} rules={[required(t('settings.required'))]}>
        <Input maxLength={200} />
      </Form.Item>
      <Form.Item name="for" label={t('rules.for')} rules={[required(t('settings.required'))]}>
        <Select mode="multiple" options={['conversation', 'ticket'].map((value) => ({ value, label: t(`rules.group.${value}`) }))} />
      </Form.Item>
      <Form.Item name="actions" label={t('rules.then')} rules={[required(t('settings.required'))]}>
        <Actions on={on} macro />
      </Form.Item>
      <Form.Item name="role" label={t('rules.role')}>
        <Select allowClear placeholder={t('role.agent')} options={['agent', 'supervisor', 'admin'].map((value) => ({ value, label: t(`role.${value}`) }))} />
      </Form.Item>
      <Form.Item name="queues" label={t('rules.queues')} extra={t('rules.queuesHint')}>
        <Select mode="multiple" options={queues.map((queue) => ({ value: queue.id, label: queue.name ?? queue.id }))} />
      </Form.Item>
      <Form.Item name="off" label={t('rules.off')} valuePropName="checked">
        <Switch />
      </Form.Item>
      {name && <Runs kind="macro" name={name} />}
    </>
  );
}

function MacroCells({ doc }: { doc: Macro }) {
  const { t } = useTranslation();
  return (
    <>
      <span className="admin-main">{doc.label}</span>
      <span>{doc.actions.map((action: Action) => t(`rules.do.${action.do}`)).join(' · ')}</span>
      <span className="muted">{[doc.off && t('admin.isOff'), doc.role && t(`role.${doc.role}`), doc.queues?.join(', ')].filter(Boolean).join(' · ')}</span>
    </>
  );
}

const macroSheet: Sheet<'macros', MacroForm> = {
  kind: 'macros',
  icon: 'more',
  wide: true,
  check: true,
  cells: ({ doc }) => <MacroCells doc={doc} />,
  fields: ({ form, name }) => <MacroFields form={form} name={name} />,
  toForm: (doc) => doc ?? { label: '', for: ['conversation', 'ticket'], actions: [] },
  toDoc: (form) => ({ ...bare(form), label: form.label ?? '', for: form.for ?? [], actions: form.actions ?? [] }),
};

/** Macros are lists of actions that agents run. */
export const Macros = () => <SettingList sheet={macroSheet} />;

type TemplateForm = Partial<Omit<Template, 'fields'>> & { fields?: Record<string, unknown> };
type MacroForm = Partial<Macro>;
type WebhookForm = Partial<Webhook>;

function TemplateFields({ form }: { form: FormInstance<TemplateForm> }) {
  const { t, i18n } = useTranslation();
  const types = useQuery(ticketTypes).data ?? [];
  const queues = useQuery(queueSettings).data ?? [];
  const chosen = Form.useWatch('type', form);
  const type = types.find((one) => one.name === chosen);
  const chinese = i18n.language === 'zh-CN';
  return (
    <>
      <div className="admin-pair">
        <Form.Item name="label_zh" label={t('rules.labelZH')} rules={[required(t('settings.required'))]}>
          <Input maxLength={200} />
        </Form.Item>
        <Form.Item name="label_en" label={t('rules.labelEN')} rules={[required(t('settings.required'))]}>
          <Input maxLength={200} />
        </Form.Item>
      </div>
      <Form.Item name="type" label={t('ticket.type')} rules={[required(t('settings.required'))]}>
        <Select options={types.filter((one) => !one.disabled).map((one) => ({ value: one.name, label: chinese ? one.label_zh : one.label_en }))} />
      </Form.Item>
      <Form.Item name="subject" label={t('ticket.subject')} extra={t('rules.fill', { example: '{{contact.name}}, {{message.text}}' })} rules={[required(t('settings.required'))]}>
        <Input maxLength={300} />
      </Form.Item>
      <Form.Item name="body" label={t('ticket.body')}>
        <Input.TextArea autoSize={{ minRows: 3, maxRows: 10 }} maxLength={10_000} />
      </Form.Item>
      {type?.fields.map((field) => (
        <Form.Item key={field.key} name={['fields', field.key]} label={chinese ? field.label_zh : field.label_en}>
          {field.type === 'number' ? <InputNumber /> : field.type === 'boolean' ? <Select allowClear options={[true, false].map((value) => ({ value, label: t(value ? 'rules.yes' : 'rules.no') }))} /> : field.type === 'choice' ? <Select allowClear options={field.choices?.map((value) => ({ value, label: value }))} /> : <Input />}
        </Form.Item>
      ))}
      <div className="admin-pair">
        <Form.Item name="priority" label={t('ticket.priority')}>
          <Select allowClear placeholder={t('ticket.byType')} options={['urgent', 'high', 'normal', 'low'].map((value) => ({ value, label: t(`ticket.priorities.${value}`) }))} />
        </Form.Item>
        <Form.Item name="queue" label={t('rules.param.queue')}>
          <Select allowClear placeholder={t('ticket.byType')} options={queues.map((queue) => ({ value: queue.id, label: queue.name ?? queue.id }))} />
        </Form.Item>
      </div>
      <Form.Item name="tags" label={t('rules.param.labels')}>
        <Select mode="tags" open={false} suffix={null} tokenSeparators={[',', '，']} />
      </Form.Item>
      <Form.Item name="tasks" label={t('rules.tasks')}>
        <Select mode="tags" open={false} suffix={null} />
      </Form.Item>
      <div className="admin-pair">
        <Form.Item name="complaint" label={t('ticket.complaint')} valuePropName="checked">
          <Switch />
        </Form.Item>
        <Form.Item name="off" label={t('rules.off')} valuePropName="checked">
          <Switch />
        </Form.Item>
      </div>
    </>
  );
}

function TemplateCells({ doc }: { doc: Template }) {
  const { t, i18n } = useTranslation();
  const types = useQuery(ticketTypes).data ?? [];
  const type = types.find((one) => one.name === doc.type);
  const chinese = i18n.language === 'zh-CN';
  return (
    <>
      <span className="admin-main">{chinese ? doc.label_zh : doc.label_en}</span>
      <span>{type ? (chinese ? type.label_zh : type.label_en) : doc.type}</span>
      <span className="muted">{doc.off ? t('admin.isOff') : doc.subject}</span>
    </>
  );
}

const templateSheet: Sheet<'ticket-templates', TemplateForm> = {
  kind: 'ticket-templates',
  icon: 'ticket',
  check: true,
  cells: ({ doc }) => <TemplateCells doc={doc} />,
  fields: ({ form }) => <TemplateFields form={form} />,
  toForm: (doc) => doc ?? { label_zh: '', label_en: '', type: 'question', subject: '' },
  toDoc: (form) => {
    const fields = Object.fromEntries(Object.entries(form.fields ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== ''));
    return { ...bare({ ...form, fields: undefined }), label_zh: form.label_zh ?? '', label_en: form.label_en ?? '', type: form.type ?? '', subject: form.subject ?? '', ...(Object.keys(fields).length > 0 ? { fields } : {}) };
  },
};

/** Templates are what tickets are made of. */
export const Templates = () => <SettingList sheet={templateSheet} />;

function WebhookFields({ secrets }: { secrets: string[] }) {
  const { t } = useTranslation();
  return (
    <>
      <Form.Item name="label" label={t('rules.label')}>
        <Input maxLength={200} />
      </Form.Item>
      <Form.Item name="url" label={t('rules.url')} extra={t('rules.urlHint')} rules={[required(t('settings.required'))]}>
        <Input placeholder="https://crm.example/hook" spellCheck={false} autoComplete="off" />
      </Form.Item>
      <Secret name="secret" label="secret" kept={secrets.includes('secret')} />
      <Form.Item name="events" label={t('rules.events')} extra={t('rules.eventsHint')}>
        <Select mode="multiple" options={useEvents()} showSearch={{ optionFilterProp: 'label' }} />
      </Form.Item>
      <Form.Item name="rate" label={t('rules.rate')}>
        <InputNumber min={0} max={100} placeholder="10" />
      </Form.Item>
      <Form.Item name="texts" label={t('rules.texts')} extra={t('rules.textsHint')} valuePropName="checked">
        <Switch />
      </Form.Item>
      <Form.Item name="off" label={t('rules.off')} valuePropName="checked">
        <Switch />
      </Form.Item>
    </>
  );
}

function WebhookCells({ doc }: { doc: Webhook }) {
  const { t } = useTranslation();
  return (
    <>
      <span className="admin-main rule-url">{doc.url}</span>
      <span>{doc.events?.map((name) => t(`rules.event.${name}`)).join(', ') ?? t('rules.noEvents')}</span>
      <span className="muted">{[doc.off && t('admin.isOff'), doc.label].filter(Boolean).join(' · ')}</span>
    </>
  );
}

/** TestButton sends a letter at once. */
function TestButton({ name }: { name: string }) {
  const { t } = useTranslation();
  const message = useMessage();
  const [busy, setBusy] = useState(false);
  const send = async () => {
    setBusy(true);
    try {
      const got = await testWebhook(name);
      if (got.ok) void message.success(t('rules.testDone', { status: got.status, ms: got.took_ms }));
      else void message.error(t('rules.testFailed', { why: got.reason ?? got.status }), 6);
    } catch (error) {
      void message.error(t(problemKey(error)));
    }
    setBusy(false);
  };
  return (
    <Button size="small" loading={busy} onClick={() => void send()} aria-label={`${t('rules.test')}: ${name}`}>
      {t('rules.test')}
    </Button>
  );
}

export const webhookSheet: Sheet<'webhooks', WebhookForm> = {
  kind: 'webhooks',
  icon: 'out',
  check: true,
  cells: ({ doc }) => <WebhookCells doc={doc} />,
  fields: ({ secrets }) => <WebhookFields secrets={secrets} />,
  more: ({ name, doc }) => (doc.off ? null : <TestButton name={name} />),
  toForm: (doc) => doc ?? { url: '', events: [] },
  toDoc: (form) => ({ ...bare(form), url: form.url ?? '' }),
};
