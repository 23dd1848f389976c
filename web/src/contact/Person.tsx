import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Button, Form, Input, InputNumber, Modal, Select, Switch } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { User } from '../api/model';
import { useFormat } from '../i18n/format';
import { fields as fieldQuery, kinds, type Contact, type Field, type Kind, type Suggestion } from './api';
import { IdentityText, useAct } from './words';
import { leads, may } from '../shell/roles';

const label = (field: Field, language: string) => (language.startsWith('zh') ? field.label_zh : field.label_en);

/** FieldInput is the control for a value of a field's type. */
function FieldInput({ field, ...control }: { field: Field; value?: unknown; onChange?: (value: unknown) => void; id?: string }) {
  const { t } = useTranslation();
  const { value, onChange, id } = control;
  switch (field.type) {
    case 'number':
      return <InputNumber id={id} className="wide" value={value as number | undefined} onChange={(v) => onChange?.(v)} />;
    case 'boolean':
      return (
        <Select
          id={id}
          allowClear
          value={value as boolean | undefined}
          onChange={(v?: boolean) => onChange?.(v ?? null)}
          options={[
            { value: true, label: t('contacts.yes') },
            { value: false, label: t('contacts.no') },
          ]}
        />
      );
    case 'choice':
      return <Select id={id} allowClear value={value as string | undefined} onChange={(v?: string) => onChange?.(v ?? null)} options={(field.choices ?? []).map((v) => ({ value: v, label: v }))} />;
    default:
      return <Input id={id} type={field.type === 'date' ? 'date' : 'text'} value={value as string | undefined} maxLength={1000} onChange={(event) => onChange?.(event.target.value)} />;
  }
}

interface Fields {
  name: string;
  language?: string;
  vip: boolean;
  tags: string[];
  fields?: Record<string, unknown>;
}

/** EditDialog changes what people can set of a person. */
function EditDialog({ contact, defined, onClose }: { contact: Contact; defined: Field[]; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const [form] = Form.useForm<Fields>();
  const save = useAct((values: Fields) => request(`/contacts/${contact.id}`, { method: 'PATCH', body: { ...values, language: values.language ?? '', fields: values.fields ?? {} } }), { words: t('contacts.saved'), then: onClose });
  // A private value is shown masked; what is not touched is sent back as it came and stays.
  return (
    <Modal open title={t('contacts.edit')} okText={t('contacts.save')} cancelText={t('contacts.cancel')} confirmLoading={save.isPending} onCancel={onClose} onOk={() => form.submit()} width={480}>
      <Form
        form={form}
        layout="vertical"
        requiredMark={false}
        autoComplete="off"
        initialValues={{ name: contact.name, language: contact.language || undefined, vip: contact.vip, tags: contact.tags, fields: contact.fields }}
        onFinish={(values) => save.mutate(values)}
      >
        <Form.Item name="name" label={t('contacts.name')}>
          <Input maxLength={200} autoFocus />
        </Form.Item>
        <Form.Item name="language" label={t('contacts.language')}>
          <Select
            allowClear
            options={[
              { value: 'zh', label: '中文' },
              { value: 'en', label: 'English' },
            ]}
          />
        </Form.Item>
        <Form.Item name="vip" label={t('contacts.vip')} valuePropName="checked">
          <Switch />
        </Form.Item>
        <Form.Item name="tags" label={t('contacts.tags')}>
          <Select mode="tags" tokenSeparators={[',', ';', '，', '；']} open={false} suffix={null} />
        </Form.Item>
        {defined.map((field) => (
          <Form.Item key={field.key} name={['fields', field.key]} label={label(field, i18n.language)}>
            <FieldInput field={contact.fields[field.key] === '****' ? { ...field, type: 'text' } : field} />
          </Form.Item>
        ))}
      </Form>
    </Modal>
  );
}

/** PersonCard is who it is. */
export function PersonCard({ contact }: { contact: Contact }) {
  const { t, i18n } = useTranslation();
  const { dateTime } = useFormat();
  const defined = useQuery(fieldQuery).data ?? [];
  const [editing, setEditing] = useState(false);
  const text = (value: unknown) => (typeof value === 'boolean' ? t(value ? 'contacts.yes' : 'contacts.no') : String(value));
  return (
    <section className="card part" aria-labelledby="person">
      <div className="part-head">
        <h2 id="person">{t('contacts.person')}</h2>
        <Button size="small" onClick={() => setEditing(true)}>
          {t('contacts.edit')}
        </Button>
      </div>
      <dl className="facts-list">
        <dt>{t('contacts.language')}</dt>
        <dd>{contact.language ? t(`contacts.lang.${contact.language.slice(0, 2)}`, contact.language) : <span className="muted">{t('contacts.unknown')}</span>}</dd>
        <dt>{t('contacts.tags')}</dt>
        <dd>
          {contact.tags.map((tag) => (
            <span key={tag} className="tag">
              {tag}
            </span>
          ))}
          {contact.tags.length === 0 && <span className="muted">{t('contacts.noTags')}</span>}
        </dd>
        {defined.map((field) => (
          <FieldFact key={field.key} label={label(field, i18n.language)} value={contact.fields[field.key] === undefined ? undefined : text(contact.fields[field.key])} />
        ))}
        <dt>{t('contacts.since')}</dt>
        <dd className="num">{dateTime(contact.created_at)}</dd>
      </dl>
      {editing && <EditDialog contact={contact} defined={defined} onClose={() => setEditing(false)} />}
    </section>
  );
}

function FieldFact({ label: name, value }: { label: string; value: string | undefined }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value ?? <span className="muted">–</span>}</dd>
    </>
  );
}

/** IdentitiesCard is by which addresses the person reaches us. */
export function IdentitiesCard({ contact, me }: { contact: Contact; me: User }) {
  const { t } = useTranslation();
  const [whole, setWhole] = useState<Record<number, string>>({});
  const [adding, setAdding] = useState(false);
  const reveal = useAct(() => request<{ items: { id: number; value: string }[] }>(`/contacts/${contact.id}/reveal`, { method: 'POST' }), {
    then: (found) => setWhole(Object.fromEntries(found.items.map((it) => [it.id, it.value]))),
  });
  const remove = useAct((id: number) => request(`/contacts/${contact.id}/identities/${id}`, { method: 'DELETE' }), { words: t('contacts.removed') });
  const lead = leads(me.role);
  return (
    <section className="card part" aria-labelledby="identities">
      <div className="part-head">
        <h2 id="identities">{t('contacts.identities')}</h2>
        {may(me.role, 'reveal') && contact.identities.length > 0 && (
          <Button size="small" loading={reveal.isPending} onClick={() => reveal.mutate(undefined)} title={t('contacts.revealHint')}>
            {t('contacts.reveal')}
          </Button>
        )}
        <Button size="small" onClick={() => setAdding(true)}>
          {t('contacts.add')}
        </Button>
      </div>
      <ul className="identity-list">
        {contact.identities.map((identity) => (
          <li key={identity.id}>
            <IdentityText identity={identity} value={whole[identity.id]} />
            {lead && (
              <Button type="text" size="small" aria-label={t('contacts.removeIdentity', { value: identity.value })} onClick={() => remove.mutate(identity.id)}>
                {t('contacts.remove')}
              </Button>
            )}
          </li>
        ))}
        {contact.identities.length === 0 && <li className="muted">{t('contacts.noIdentity')}</li>}
      </ul>
      {adding && <AddIdentity contact={contact} lead={lead} onClose={() => setAdding(false)} />}
    </section>
  );
}

interface NewIdentity {
  kind: Kind;
  value: string;
  verified?: boolean;
}

function AddIdentity({ contact, lead, onClose }: { contact: Contact; lead: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const [form] = Form.useForm<NewIdentity>();
  const add = useAct((values: NewIdentity) => request(`/contacts/${contact.id}/identities`, { method: 'POST', body: values }), { words: t('contacts.saved'), then: onClose });
  return (
    <Modal open title={t('contacts.addIdentity')} okText={t('contacts.add')} cancelText={t('contacts.cancel')} confirmLoading={add.isPending} onCancel={onClose} onOk={() => form.submit()} width={420}>
      <Form form={form} layout="vertical" requiredMark={false} autoComplete="off" initialValues={{ kind: 'phone', verified: false }} onFinish={(values) => add.mutate(values)}>
        <Form.Item name="kind" label={t('contacts.kindOf')}>
          <Select options={kinds.filter((kind) => kind !== 'device').map((value) => ({ value, label: t(`contacts.kind.${value}`) }))} />
        </Form.Item>
        <Form.Item name="value" label={t('contacts.value')} rules={[{ required: true, message: t('contacts.required') }]}>
          <Input maxLength={320} autoFocus />
        </Form.Item>
        {lead && (
          <Form.Item name="verified" label={t('contacts.isVerified')} valuePropName="checked" extra={t('contacts.verifiedHint')}>
            <Switch />
          </Form.Item>
        )}
      </Form>
    </Modal>
  );
}

const picks = ['name', 'language', 'vip', 'tags'] as const;

/** MergeDialog makes two contacts one; whose value stays is chosen per field. */
function MergeDialog({ contact, other, onClose }: { contact: Contact; other: Suggestion; onClose: () => void }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<Record<string, string>>({});
  const merge = useAct(() => request(`/contacts/${contact.id}/merge`, { method: 'POST', body: { other: other.other, picks: chosen } }), { words: t('contacts.merged'), then: onClose });
  return (
    <Modal open title={t('contacts.mergeTitle')} okText={t('contacts.merge')} cancelText={t('contacts.cancel')} confirmLoading={merge.isPending} onCancel={onClose} onOk={() => merge.mutate(undefined)} width={480}>
      <p>{t('contacts.mergeHint', { other: other.name || t('contacts.unnamed') })}</p>
      <div className="picks">
        {picks.map((field) => (
          <label key={field}>
            <span>{t(`contacts.pick.${field}`)}</span>
            <Select
              value={chosen[field] ?? ''}
              onChange={(value: string) => setChosen((old) => Object.fromEntries(Object.entries({ ...old, [field]: value }).filter(([, v]) => v)))}
              options={[
                { value: '', label: t(`contacts.pickDefault.${field}`) },
                { value: 'survivor', label: t('contacts.pickThis') },
                { value: 'merged', label: t('contacts.pickOther') },
              ]}
            />
          </label>
        ))}
      </div>
    </Modal>
  );
}

/** SameCard is who may be the same person, and what was joined already. */
export function SameCard({ contact }: { contact: Contact }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const [merging, setMerging] = useState<Suggestion | null>(null);
  const dismiss = useAct((other: number) => request(`/contacts/${contact.id}/suggestions/${other}/dismiss`, { method: 'POST' }), { words: t('contacts.dismissed') });
  const undo = useAct((merge: number) => request(`/contact-merges/${merge}/undo`, { method: 'POST' }), { words: t('contacts.undone') });
  const standing = contact.merges.filter((merge) => !merge.undone_at);
  if (contact.suggestions.length === 0 && standing.length === 0) return null;
  return (
    <section className="card part" aria-labelledby="same">
      <h2 id="same">{t('contacts.same')}</h2>
      <ul className="same-list">
        {contact.suggestions.map((other) => (
          <li key={other.other}>
            <span>
              <Link to="/contacts/$contactId" params={{ contactId: String(other.other) }}>
                {other.name || t('contacts.unnamed')}
              </Link>{' '}
              <span className="muted">{t(other.verified ? 'contacts.sameVerified' : 'contacts.sameWeak', { kinds: other.kinds.map((kind) => t(`contacts.kind.${kind}`)).join('、') })}</span>
            </span>
            <span className="list-acts">
              <Button size="small" type="primary" onClick={() => setMerging(other)}>
                {t('contacts.merge')}
              </Button>
              <Button size="small" onClick={() => dismiss.mutate(other.other)}>
                {t('contacts.notSame')}
              </Button>
            </span>
          </li>
        ))}
        {standing.map((merge) => (
          <li key={merge.id}>
            <span>
              {t(merge.automatic ? 'contacts.mergedAlone' : 'contacts.mergedBy', { id: merge.merged, name: merge.by })}
              <br />
              <span className="muted num">{t('contacts.undoUntil', { date: dateTime(merge.undo_until) })}</span>
            </span>
            <span className="list-acts">
              <Button size="small" onClick={() => undo.mutate(merge.id)}>
                {t('contacts.undo')}
              </Button>
            </span>
          </li>
        ))}
      </ul>
      {merging && <MergeDialog contact={contact} other={merging} onClose={() => setMerging(null)} />}
    </section>
  );
}
