import { useQuery } from '@tanstack/react-query';
import { Button, Form, Input, Modal, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { base, request } from '../api/client';
import type { User } from '../api/model';
import { useFormat } from '../i18n/format';
import { notices, type Consent, type Contact, type Purpose } from './api';
import { useAct } from './words';
import { leads } from '../shell/roles';

const channels = ['call', 'chat', 'web', 'email', 'paper'] as const;

interface Said {
  state: string;
  channel: string;
  notice?: string;
  proof?: string;
}

/** SayDialog writes down what a person said about a purpose. */
function SayDialog({ contact, purpose, onClose }: { contact: Contact; purpose: Purpose; onClose: () => void }) {
  const { t } = useTranslation();
  const known = useQuery(notices).data ?? [];
  const versions = [...new Set(known.filter((notice) => notice.purposes.includes(purpose)).map((notice) => notice.version))];
  const [form] = Form.useForm<Said>();
  const say = useAct((said: Said) => request(`/contacts/${contact.id}/consents`, { method: 'POST', body: { purpose, ...said } }), { words: t('contacts.written'), then: onClose });
  return (
    <Modal open title={t('contacts.sayTitle', { purpose: t(`contacts.purpose.${purpose}`) })} okText={t('contacts.save')} cancelText={t('contacts.cancel')} confirmLoading={say.isPending} onCancel={onClose} onOk={() => form.submit()} width={420}>
      <Form form={form} layout="vertical" requiredMark={false} autoComplete="off" initialValues={{ state: 'given', channel: 'call' }} onFinish={(values) => say.mutate(values)}>
        <Form.Item name="state" label={t('contacts.saidWhat')}>
          <Select options={(['given', 'refused', 'withdrawn'] as const).map((value) => ({ value, label: t(`contacts.consentState.${value}`) }))} />
        </Form.Item>
        <Form.Item name="channel" label={t('contacts.saidWhere')}>
          <Select options={channels.map((value) => ({ value, label: t(`contacts.channel.${value}`) }))} />
        </Form.Item>
        <Form.Item name="notice" label={t('contacts.notice')}>
          <Select allowClear options={versions.map((value) => ({ value, label: value }))} notFoundContent={t('contacts.noNotice')} />
        </Form.Item>
        <Form.Item name="proof" label={t('contacts.proof')} extra={t('contacts.proofHint')}>
          <Input maxLength={500} />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function ConsentRow({ consent, onSay }: { consent: Consent; onSay: () => void }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  return (
    <li>
      <span>
        <span>{t(`contacts.purpose.${consent.purpose}`)}</span>{' '}
        <span className={consent.allowed ? 'tag tag-yes' : 'tag tag-no'}>{t(consent.allowed ? 'contacts.allowed' : 'contacts.notAllowed')}</span>
        <br />
        <span className="muted num">
          {consent.state ? `${t(`contacts.consentState.${consent.state}`)} · ${t(`contacts.channel.${consent.channel ?? ''}`, consent.channel ?? '')}${consent.at ? ` · ${dateTime(consent.at)}` : ''}` : t('contacts.neverSaid')}
        </span>
      </span>
      <Button size="small" onClick={onSay} aria-label={t('contacts.sayTitle', { purpose: t(`contacts.purpose.${consent.purpose}`) })}>
        {t('contacts.say')}
      </Button>
    </li>
  );
}

/** ConsentCard is what the person allowed. */
export function ConsentCard({ contact }: { contact: Contact }) {
  const { t } = useTranslation();
  const [saying, setSaying] = useState<Purpose | null>(null);
  return (
    <section className="card part" aria-labelledby="consents">
      <h2 id="consents">{t('contacts.consents')}</h2>
      <ul className="consent-list">
        {contact.consents.map((consent) => (
          <ConsentRow key={consent.purpose} consent={consent} onSay={() => setSaying(consent.purpose)} />
        ))}
      </ul>
      {saying && <SayDialog contact={contact} purpose={saying} onClose={() => setSaying(null)} />}
    </section>
  );
}

/** EraseDialog asks twice: it cannot be taken back. */
function EraseDialog({ contact, onClose }: { contact: Contact; onClose: () => void }) {
  const { t } = useTranslation();
  const [reason, setReason] = useState('request');
  const [typed, setTyped] = useState('');
  const erase = useAct(() => request(`/contacts/${contact.id}/erase`, { method: 'POST', body: { reason } }), { words: t('contacts.eraseAsked'), then: onClose });
  const word = String(contact.id);
  return (
    <Modal
      open
      title={t('contacts.eraseTitle')}
      okText={t('contacts.erase')}
      okButtonProps={{ danger: true, disabled: typed !== word }}
      cancelText={t('contacts.cancel')}
      confirmLoading={erase.isPending}
      onCancel={onClose}
      onOk={() => erase.mutate(undefined)}
      width={460}
    >
      <p>{t('contacts.eraseHint')}</p>
      <div className="picks">
        <label>
          <span>{t('contacts.reason')}</span>
          <Select value={reason} onChange={setReason} options={(['request', 'law', 'mistake'] as const).map((value) => ({ value, label: t(`contacts.reasons.${value}`) }))} />
        </label>
        <label>
          <span>{t('contacts.eraseType', { id: word })}</span>
          <Input value={typed} onChange={(event) => setTyped(event.target.value.trim())} inputMode="numeric" />
        </label>
      </div>
    </Modal>
  );
}

function HoldDialog({ contact, onClose }: { contact: Contact; onClose: () => void }) {
  const { t } = useTranslation();
  const [why, setWhy] = useState(contact.legal_hold);
  const save = useAct(() => request(`/contacts/${contact.id}`, { method: 'PATCH', body: { legal_hold: why } }), { words: t('contacts.saved'), then: onClose });
  return (
    <Modal open title={t('contacts.hold')} okText={t('contacts.save')} cancelText={t('contacts.cancel')} confirmLoading={save.isPending} onCancel={onClose} onOk={() => save.mutate(undefined)} width={420}>
      <p className="muted">{t('contacts.holdHint')}</p>
      <Input value={why} maxLength={200} onChange={(event) => setWhy(event.target.value)} aria-label={t('contacts.holdWhy')} />
    </Modal>
  );
}

/** DataCard is what can be done with all data of the person, and what was done. */
export function DataCard({ contact, me }: { contact: Contact; me: User }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const [open, setOpen] = useState<'erase' | 'hold' | null>(null);
  if (!leads(me.role) && !contact.legal_hold && contact.erasures.length === 0) return null;
  const waiting = contact.erasures.some((job) => job.state === 'waiting');
  return (
    <section className="card part" aria-labelledby="data">
      <h2 id="data">{t('contacts.data')}</h2>
      {contact.legal_hold && <p className="hold">{t('contacts.held', { why: contact.legal_hold })}</p>}
      {!contact.erased_at && (
        <div className="list-acts">
          {leads(me.role) && (
            <Button size="small" href={`${base}/contacts/${contact.id}/export`} download>
              {t('contacts.exportOne')}
            </Button>
          )}
          {me.role === 'admin' && (
            <>
              <Button size="small" onClick={() => setOpen('hold')}>
                {t('contacts.hold')}
              </Button>
              <Button size="small" danger disabled={!!contact.legal_hold || waiting} onClick={() => setOpen('erase')}>
                {t('contacts.erase')}
              </Button>
            </>
          )}
        </div>
      )}
      {contact.erasures.length > 0 && (
        <ul className="erasures">
          {contact.erasures.map((job) => (
            <li key={job.id}>
              <span className="tag">{t(`contacts.eraseState.${job.state}`)}</span> <span className="muted num">{dateTime(job.finished_at ?? job.requested_at)}</span>
              {job.state === 'waiting' && job.error && (
                <>
                  <br />
                  <span>{t('contacts.eraseWaits')}</span>
                </>
              )}
              {job.state === 'done' && (
                <>
                  <br />
                  <span className="num">{t('contacts.eraseCounts', { rows: Object.values(job.counts).reduce((sum, n) => sum + n, 0), files: job.files })}</span>
                  <br />
                  <code className="proof" title={t(job.proven ? 'contacts.proven' : 'contacts.notProven')}>
                    {job.proof_hash}
                  </code>
                </>
              )}
            </li>
          ))}
        </ul>
      )}
      {open === 'erase' && <EraseDialog contact={contact} onClose={() => setOpen(null)} />}
      {open === 'hold' && <HoldDialog contact={contact} onClose={() => setOpen(null)} />}
    </section>
  );
}
