import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useLocation, useNavigate } from '@tanstack/react-router';
import { Modal } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { problemKey } from '../api/problem';
import { useFormat } from '../i18n/format';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { listed, type Conversation, type Filter } from './data';

/** MergeBox chooses the conversation into which one goes: first those of the same person. */
export default function MergeBox({ view, onClose }: { view: Conversation; onClose: () => void }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const message = useMessage();
  const client = useQueryClient();
  const navigate = useNavigate();
  const here = useLocation({ select: (at) => at.pathname });
  const [own, setOwn] = useState(view.contact_id !== undefined);
  const [into, setInto] = useState(0);
  const filter: Filter = own ? { all: [{ field: 'contact', op: 'is', value: view.contact_id }] } : { any: [{ field: 'state', op: 'is', value: 'open' }, { field: 'state', op: 'is', value: 'snoozed' }] };
  const { data, error, isPending } = useQuery(listed(filter));
  const rows = (data ?? []).filter((row) => row.id !== view.id && row.state !== 'merged');
  const merge = useMutation({
    mutationFn: () => request(`/conversations/${view.id}/merge`, { method: 'POST', body: { into } }),
    onSuccess: async () => {
      onClose();
      await Promise.all([client.invalidateQueries({ queryKey: ['conversation'] }), client.invalidateQueries({ queryKey: ['conversations'] }), client.invalidateQueries({ queryKey: ['desk'] })]);
      if (here.startsWith('/desk')) void navigate({ to: '/desk', search: { chat: into } });
      else void navigate({ to: '/inbox/$conversation', params: { conversation: String(into) } });
    },
    onError: (failed) => void message.error(t(problemKey(failed))),
  });
  return (
    <Modal open title={t('desktop.mergeInto')} okText={t('desktop.merge')} cancelText={t('inbox.cancel')} okButtonProps={{ disabled: into === 0 }} confirmLoading={merge.isPending} onOk={() => merge.mutate()} onCancel={onClose} width={520}>
      <p className="muted">{t('desktop.mergeHint')}</p>
      {view.contact_id !== undefined && (
        <label className="merge-own">
          <input type="checkbox" checked={own} onChange={(event) => setOwn(event.target.checked)} /> {t('desktop.samePerson')}
        </label>
      )}
      {error && <Failed error={error} />}
      {isPending && <Waiting rows={3} />}
      {data && rows.length === 0 && <Empty icon="inbox" title={t('desktop.nothingToMerge')} />}
      <ul className="merge-rows">
        {rows.map((row) => (
          <li key={row.id}>
            <label>
              <input type="radio" name="into" checked={into === row.id} onChange={() => setInto(row.id)} />
              <span className="merge-row">
                <strong>
                  {(row.name ?? '') || t('inbox.visitor', { id: row.id })} <span className="muted num">#{row.id}</span>
                </strong>
                <span className="muted">
                  {t(`inbox.channel.${row.channel}`, { defaultValue: row.channel })} · {t(`inbox.stateOf.${row.state}`)} · <span className="num">{dateTime(row.last_at)}</span>
                </span>
                <span className="merge-text">{row.last_text}</span>
              </span>
            </label>
          </li>
        ))}
      </ul>
    </Modal>
  );
}
