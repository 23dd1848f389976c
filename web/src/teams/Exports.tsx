import { useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Button, DatePicker, Modal } from 'antd';
import type { Dayjs } from 'dayjs';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { session } from '../api/queries';
import { ListRow } from '../contact/Lists';
import { useAct } from '../contact/words';
import { Failed, Waiting } from '../parts/Notice';
import { exportsAsked, type ExportAsked, type ExportNoun } from './api';
import '../pages/contacts.css';
import './teams.css';

function ExportBox({ noun, onClose }: { noun: ExportNoun; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const me = useSuspenseQuery(session).data?.user;
  const { data, error, isPending, refetch } = useQuery(exportsAsked);
  const [span, setSpan] = useState<[Dayjs | null, Dayjs | null] | null>(null);
  const anew = () => void client.invalidateQueries({ queryKey: exportsAsked.queryKey });
  const query = { since: span?.[0]?.startOf('day').toISOString(), until: span?.[1]?.endOf('day').toISOString() };
  const ask = useAct(() => request<ExportAsked>('/exports', { method: 'POST', body: { noun, query } }), { words: t('contacts.asked'), then: anew });
  const mine = data?.items.filter((list) => list.noun === noun) ?? [];
  return (
    <Modal open title={t(`teams.export.${noun}`)} footer={null} onCancel={onClose} width={620}>
      <section className="lists-part">
        <p className="muted">{t('teams.export.hint', { count: data?.approval ?? 500 })}</p>
        <div className="list-acts teams-ask">
          <DatePicker.RangePicker allowEmpty={[true, true]} value={span} onChange={setSpan} aria-label={t('teams.export.span')} />
          <Button type="primary" loading={ask.isPending} onClick={() => ask.mutate(undefined)}>
            {t('contacts.ask')}
          </Button>
        </div>
        {error && <Failed error={error} retry={() => void refetch()} />}
        {isPending && <Waiting rows={3} />}
        {me && mine.length > 0 && (
          <ul className="list-rows">
            {mine.slice(0, 8).map((list) => (
              <ListRow key={list.id} list={list} me={me} path="/exports" onDecided={anew} />
            ))}
          </ul>
        )}
      </section>
    </Modal>
  );
}

/** ExportButton is where lists of a noun leave the house, for those who lead. */
export function ExportButton({ noun, small }: { noun: ExportNoun; small?: boolean }) {
  const { t } = useTranslation();
  const role = useSuspenseQuery(session).data?.user.role;
  const [open, setOpen] = useState(false);
  if (role !== 'admin' && (role !== 'supervisor' || noun === 'audit')) return null;
  return (
    <>
      <Button size={small ? 'small' : undefined} className={small ? 'teams-export' : undefined} onClick={() => setOpen(true)}>
        {t('teams.export.button')}
      </Button>
      {open && <ExportBox noun={noun} onClose={() => setOpen(false)} />}
    </>
  );
}
