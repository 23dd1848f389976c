import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Modal, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { Ticket } from '../api/model';
import { problemKey } from '../api/problem';
import { priorities, ticketTypes } from '../api/tickets';
import { useMessage } from '../parts/messages';

interface Props {
  /** What was marked. */
  text: string;
  contact?: number;
  source: 'call' | 'conversation';
  /** The call's or the conversation's id. */
  of: string;
  name?: string;
  onClose: () => void;
}

/** firstLine is a subject out of a text. */
function firstLine(text: string): string {
  const line = text.split('\n').find((one) => one.trim() !== '')?.trim() ?? '';
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}

/** TicketBox makes a ticket of what was said. */
export default function TicketBox({ text, contact, source, of, name, onClose }: Props) {
  const { t, i18n } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const types = (useQuery(ticketTypes).data ?? []).filter((type) => !type.disabled);
  const [type, setType] = useState('question');
  const [subject, setSubject] = useState(() => firstLine(text) || t('desktop.ticketOf', { name: name ?? '' }).trim());
  const [body, setBody] = useState(text);
  const [priority, setPriority] = useState('');
  const make = useMutation({
    mutationFn: () => request<Ticket>('/tickets', { method: 'POST', body: { type, subject, body, priority: priority || undefined, contact: contact ?? 0, source, source_ref: `${source}:${of}` } }),
    onSuccess: async (made) => {
      onClose();
      void message.success(
        <>
          {t('desktop.ticketMade', { id: made.id })} <Link to="/tickets/$ticketId" params={{ ticketId: String(made.id) }}>{`#${made.id}`}</Link>
        </>,
        6,
      );
      await Promise.all([client.invalidateQueries({ queryKey: ['tickets'] }), client.invalidateQueries({ queryKey: ['desk'] })]);
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  return (
    <Modal open title={t('desktop.do.ticket')} okText={t('ticket.make')} cancelText={t('inbox.cancel')} okButtonProps={{ disabled: subject.trim() === '' }} confirmLoading={make.isPending} onOk={() => make.mutate()} onCancel={onClose} width={520}>
      <div className="ticket-box">
        <label>
          <span>{t('ticket.subject')}</span>
          <input value={subject} maxLength={300} onChange={(event) => setSubject(event.target.value)} autoFocus />
        </label>
        <label>
          <span>{t('ticket.body')}</span>
          <textarea value={body} rows={5} maxLength={20000} onChange={(event) => setBody(event.target.value)} />
        </label>
        <div className="ticket-box-row">
          <div>
            <span id="ticket-box-type">{t('ticket.type')}</span>
            <Select aria-labelledby="ticket-box-type" value={type} options={types.map((one) => ({ value: one.name, label: i18n.language === 'zh-CN' ? one.label_zh : one.label_en }))} onChange={setType} />
          </div>
          <div>
            <span id="ticket-box-priority">{t('ticket.priority')}</span>
            <Select aria-labelledby="ticket-box-priority" value={priority} options={[{ value: '', label: t('ticket.byType') }, ...priorities.map((value) => ({ value, label: t(`ticket.priorities.${value}`) }))]} onChange={setPriority} />
          </div>
        </div>
      </div>
    </Modal>
  );
}
