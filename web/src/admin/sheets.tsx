import { useQuery } from '@tanstack/react-query';
import { Form, InputNumber, Segmented, type FormInstance } from 'antd';
import { useTranslation } from 'react-i18next';
import { calendars, queueSettings, system, users } from '../api/queries';
import { span, useFormat } from '../i18n/format';
import { Choice, Count, Secret, Tags, Text, Time, Toggle } from './fields';
import { useMetric } from './metric';
import { bare, liveFlows, settings, type AlertRule, type Number_, type Outbound, type Trunk } from './kinds';
import { SettingList, type Sheet } from './SettingList';

const options = (names: readonly string[]) => names.map((value) => ({ value, label: value }));
const targets = ['flow', 'queue', 'user', 'bridge'] as const;
type Target = (typeof targets)[number];
type NumberForm = Number_ & { target: Target };

/** targetOf is where a number leads. */
const targetOf = (doc: Number_ | null): Target => targets.find((name) => doc?.[name]) ?? 'flow';

/** useLanguages are the languages of flows that a form offers. */
function useLanguages() {
  const { t } = useTranslation();
  return ['zh', 'en'].map((value) => ({ value, label: t(`admin.language.${value}`) }));
}

function NumberFields({ form }: { form: FormInstance<NumberForm> }) {
  const { t } = useTranslation();
  const target = Form.useWatch('target', form) as Target | undefined;
  const calendar = Form.useWatch('calendar', form);
  const flows = useQuery(liveFlows).data ?? [];
  const queues = useQuery(queueSettings).data ?? [];
  const people = useQuery(users).data ?? [];
  const trunks = useQuery(settings('trunks')).data?.items ?? [];
  const open = useQuery(calendars).data ?? [];
  const flowNames = options([...new Set(['default', ...flows.map((flow) => flow.name)])]);
  const trunkNames = options(trunks.map((trunk) => trunk.name));
  const dials = target === 'user' || target === 'bridge';
  return (
    <>
      <Text name="label" label="label" />
      <Tags name="numbers" label="numbers" hint="numbers" required />
      <Form.Item name="target" label={t('admin.field.target')}>
        <Segmented block options={targets.map((value) => ({ value, label: t(`admin.target.${value}`) }))} />
      </Form.Item>
      {target === 'flow' && <Choice name="flow" label="flow" options={flowNames} required />}
      {target === 'queue' && <Choice name="queue" label="queue" options={queues.map((queue) => ({ value: queue.id, label: queue.name ?? queue.id }))} required />}
      {target === 'user' && <Choice name="user" label="user" options={people.map((user) => ({ value: user.username, label: user.name || user.username }))} required />}
      {target === 'bridge' && (
        <>
          <Text name="bridge" label="bridge" placeholder="sip:{number}@10.0.0.7:5060" required />
          <Choice name="bridge_trunk" label="bridgeTrunk" options={trunkNames} />
        </>
      )}
      <Choice name="language" label="language" options={useLanguages()} placeholder={t('admin.hint.flowLanguage')} />
      <Choice name="calendar" label="calendar" options={open.map((c) => ({ value: c.name, label: c.name }))} placeholder={t('setup.always')} />
      {calendar && <Choice name="closed" label="closed" options={flowNames} required />}
      <Tags name="trunks" label="onlyTrunks" hint="onlyTrunks" options={trunkNames} />
      {dials && (
        <>
          <Time name="timeout" label="timeout" placeholder="20s" />
          <Choice name="then" label="then" options={flowNames} />
          <Text name="announcement" label="announcement" rows={2} />
          <Toggle name="transcribe" label="transcribe" />
          <Toggle name="emotion" label="emotion" />
        </>
      )}
      {(dials || target === 'queue') && <Toggle name="record" label="record" />}
    </>
  );
}

const numberSheet: Sheet<'numbers', NumberForm> = {
  kind: 'numbers',
  icon: 'phone',
  cells: ({ doc }) => <NumberCells doc={doc} />,
  fields: ({ form }) => <NumberFields form={form} />,
  toForm: (doc) => ({ ...doc, numbers: doc?.numbers ?? [], target: targetOf(doc) }),
  toDoc: ({ target, ...fields }, was) => {
    const doc: Number_ = { ...was, ...fields };
    if (target !== 'flow') delete doc.flow;
    if (target !== 'queue') delete doc.queue;
    if (target !== 'user') delete doc.user;
    if (target !== 'bridge') delete doc.bridge;
    if (target !== 'bridge') delete doc.bridge_trunk;
    if (target === 'flow' || target === 'queue') {
      delete doc.then;
      delete doc.timeout;
    }
    if (!doc.calendar) delete doc.closed;
    return { ...bare(doc), numbers: doc.numbers };
  },
};

function NumberCells({ doc }: { doc: Number_ }) {
  const { t } = useTranslation();
  const target = targetOf(doc);
  const shown = doc.numbers.slice(0, 4).join(', ') + (doc.numbers.length > 4 ? ' …' : '');
  return (
    <>
      <span className="num admin-main">{shown}</span>
      <span>
        {doc[target] ? `${t(`admin.target.${target}`)}: ${doc[target]}` : t('admin.target.other')}
        {doc.calendar && <span className="muted"> · {doc.calendar}</span>}
      </span>
      {doc.label && <span className="muted">{doc.label}</span>}
    </>
  );
}

/** Numbers: what is dialled and where it leads. */
export const Numbers = () => <SettingList sheet={numberSheet} />;

const codecNames = options(['PCMA', 'PCMU', 'G722']);

function TrunkFields({ form, secrets }: { form: FormInstance<TrunkForm>; secrets: string[] }) {
  const { t } = useTranslation();
  const asks = Form.useWatch('asks', form);
  const answers = Form.useWatch('answers', form);
  const registers = Form.useWatch('register', form);
  const algorithms = options(['SHA-256', 'MD5']);
  return (
    <>
      <Text name="proxy" label="proxy" hint="proxy" placeholder="sip:sip.carrier.example:5060;transport=udp" />
      <Tags name="addresses" label="addresses" hint="addresses" />
      <Toggle name="asks" label="asks" hint="asks" />
      {asks && (
        <div className="admin-group">
          <Text name={['auth', 'username']} label="username" required />
          <Secret name={['auth', 'password']} label="password" kept={secrets.includes('auth.password')} />
          <Tags name={['auth', 'algorithms']} label="algorithms" options={algorithms} />
        </div>
      )}
      <Toggle name="answers" label="answers" hint="answers" />
      {answers && (
        <div className="admin-group">
          <Text name={['credentials', 'username']} label="username" required />
          <Secret name={['credentials', 'password']} label="password" kept={secrets.includes('credentials.password')} />
          <Tags name={['credentials', 'algorithms']} label="algorithms" options={algorithms} />
        </div>
      )}
      <Toggle name="register" label="register" hint="register" />
      {registers && (
        <div className="admin-group">
          <Text name="registrar" label="registrar" placeholder="sip:reg.carrier.example" />
          <Text name="register_as" label="registerAs" placeholder="sip:user@carrier.example" />
          <Time name="register_expires" label="expires" placeholder="1h" />
        </div>
      )}
      <div className="admin-pair">
        <Count name="max_calls" label="maxCalls" placeholder="∞" />
        <Count name="cps" label="cps" placeholder="∞" />
        <Time name="probe" label="probe" />
        <Count name="probe_misses" label="probeMisses" max={100} placeholder="3" />
      </div>
      <Tags name="codecs" label="codecs" hint="codecs" options={codecNames} />
      <Tags name="transports" label="transports" options={options(['udp', 'tcp', 'tls'])} />
      <Choice name="srtp" label="srtp" options={['off', 'optional', 'required'].map((value) => ({ value, label: t(`admin.srtp.${value}`) }))} placeholder={t('admin.srtp.off')} />
      <Choice name="format" label="format" options={['e164', 'plain', 'national'].map((value) => ({ value, label: t(`admin.format.${value}`) }))} placeholder={t('admin.format.dialled')} />
      <Tags name={['caller_id', 'numbers']} label="callerNumbers" hint="callerNumbers" />
      <Text name={['caller_id', 'default']} label="callerDefault" />
      <Toggle name={['caller_id', 'assert']} label="assert" />
    </>
  );
}

type TrunkForm = Trunk & { asks: boolean; answers: boolean };

const trunkSheet: Sheet<'trunks', TrunkForm> = {
  kind: 'trunks',
  icon: 'transfer',
  cells: ({ name, doc }) => <TrunkCells name={name} doc={doc} />,
  fields: ({ form, secrets }) => <TrunkFields form={form} secrets={secrets} />,
  toForm: (doc) => ({ ...doc, asks: !!doc?.auth, answers: !!doc?.credentials }),
  toDoc: ({ asks, answers, ...fields }, was) => {
    const doc: Trunk = { ...was, ...fields };
    if (!asks) delete doc.auth;
    if (!answers) delete doc.credentials;
    return bare(doc);
  },
};

function TrunkCells({ name, doc }: { name: string; doc: Trunk }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const state = useQuery(system).data?.trunks?.find((trunk) => trunk.name === name);
  return (
    <>
      <span className="admin-main">{doc.proxy ?? doc.addresses?.join(', ') ?? doc.auth?.username}</span>
      <span className="muted">{[doc.register && t('admin.field.register'), doc.max_calls && t('admin.upTo', { count: doc.max_calls })].filter(Boolean).join(' · ')}</span>
      {state && (
        <span className={state.state === 'down' ? 'tag tag-poor' : 'tag'}>
          {t(`admin.trunkState.${state.state}`, state.state)} · {t('admin.calls', { count: state.calls, shown: number(state.calls) })}
        </span>
      )}
    </>
  );
}

/** Trunks: carriers, PBXs, phones. */
export const Trunks = () => <SettingList sheet={trunkSheet} />;

function RouteFields() {
  const trunks = useQuery(settings('trunks')).data?.items ?? [];
  return (
    <>
      <Tags name="prefixes" label="prefixes" hint="prefixes" />
      <Choice name="trunk" label="trunk" options={options(trunks.filter((trunk) => trunk.doc.proxy).map((trunk) => trunk.name))} hint="trunk" required />
      <div className="admin-pair">
        <Count name="order" label="order" hint="order" max={10_000} placeholder="0" />
        <Count name="weight" label="weight" hint="weight" max={10_000} placeholder="1" />
        <Count name="strip" label="strip" max={32} placeholder="0" />
        <Text name="prepend" label="prepend" />
      </div>
    </>
  );
}

const routeSheet: Sheet<'outbound', Outbound> = {
  kind: 'outbound',
  icon: 'calls',
  cells: ({ doc }) => <RouteCells doc={doc} />,
  fields: () => <RouteFields />,
  toForm: (doc) => ({ ...doc, trunk: doc?.trunk ?? '' }),
  toDoc: (fields, was) => ({ ...bare({ ...was, ...fields }), trunk: fields.trunk }),
};

function RouteCells({ doc }: { doc: Outbound }) {
  const { t } = useTranslation();
  return (
    <>
      <span className="num admin-main">{doc.prefixes?.join(', ') ?? t('admin.allNumbers')}</span>
      <span>→ {doc.trunk}</span>
      <span className="muted">{t('admin.orderOf', { order: doc.order ?? 0, weight: doc.weight ?? 1 })}</span>
    </>
  );
}

/** Routes: which trunk takes which number. */
export const Routes = () => <SettingList sheet={routeSheet} />;

const metrics = ['waiting', 'oldest', 'level', 'abandoned', 'free', 'agents', 'estimate'] as const;
const operators = ['>', '>=', '<', '<='] as const;

function RuleFields() {
  const { t } = useTranslation();
  const queues = useQuery(queueSettings).data ?? [];
  return (
    <>
      <Text name="label" label="label" />
      <Choice name="metric" label="metric" options={metrics.map((value) => ({ value, label: t(`admin.metric.${value}`) }))} required />
      <div className="admin-pair">
        <Choice name="operator" label="operator" options={operators.map((value) => ({ value, label: t(`admin.operator.${value}`) }))} required />
        <Form.Item name="value" label={t('admin.field.value')} rules={[{ required: true, message: t('settings.required') }]}>
          <InputNumber min={0} style={{ width: 160 }} />
        </Form.Item>
      </div>
      <Time name="for" label="for" />
      <Choice name="severity" label="severity" options={['warning', 'critical'].map((value) => ({ value, label: t(`admin.severity.${value}`) }))} required />
      <Tags name="queues" label="queues" hint="queues" options={queues.map((queue) => ({ value: queue.id, label: queue.name ?? queue.id }))} />
      <Toggle name="off" label="off" />
    </>
  );
}

const ruleSheet: Sheet<'alert-rules', AlertRule> = {
  kind: 'alert-rules',
  icon: 'heart',
  cells: ({ doc }) => <RuleCells doc={doc} />,
  fields: () => <RuleFields />,
  toForm: (doc) => doc ?? { metric: 'oldest', operator: '>', value: 60, for: '30s', severity: 'warning' },
  toDoc: (fields, was) => ({ ...bare({ ...was, ...fields }), metric: fields.metric, operator: fields.operator, value: fields.value, severity: fields.severity }),
};

function RuleCells({ doc }: { doc: AlertRule }) {
  const { t, i18n } = useTranslation();
  const write = useMetric();
  return (
    <>
      <span className="admin-main">
        {t(`admin.metric.${doc.metric}`)} {doc.operator} {write(doc.metric, doc.value)}
        {doc.for && <span className="muted"> · {t('admin.forTime', { time: span(doc.for, i18n.language) })}</span>}
      </span>
      <span className={doc.severity === 'critical' ? 'tag tag-poor' : 'tag tag-fair'}>{t(`admin.severity.${doc.severity}`)}</span>
      <span className="muted">{doc.off ? t('admin.isOff') : doc.queues?.length ? doc.queues.join(', ') : t('admin.allQueues')}</span>
    </>
  );
}

/** Rules of alerts over the queues. */
export const Rules = () => <SettingList sheet={ruleSheet} />;
