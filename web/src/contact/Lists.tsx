import { useQuery } from '@tanstack/react-query';
import { Button, Modal, Switch } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { base, request } from '../api/client';
import type { User } from '../api/model';
import { useFormat } from '../i18n/format';
import { Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { CsvImport } from './CsvImport';
import { lists, type ContactFilter, type ImportReport, type ListExport } from './api';
import { useAct } from './words';

/** AskedList is what lists of people and those of other things have in common. */
type AskedList = Pick<ListExport, 'id' | 'rows' | 'state' | 'requested_by' | 'requested_at' | 'decided_by'> & { unmasked?: boolean };

/** ListRow is a list that was asked for, and what this user may do with it; path is where such lists are. */
export function ListRow({ list, me, path = '/contact-exports', onDecided }: { list: AskedList; me: User; path?: string; onDecided?: () => void }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const decide = useAct((approve: boolean) => request(`${path}/${list.id}/decide`, { method: 'POST', body: { approve } }), { words: t('contacts.decided'), then: onDecided });
  const mine = list.requested_by === me.username;
  return (
    <li className="list-row">
      <span>
        <span className="num">{t('contacts.rows', { count: list.rows })}</span>
        {list.unmasked && <span className="tag tag-vip">{t('contacts.unmasked')}</span>} <span className="tag">{t(`contacts.list.${list.state}`)}</span>
        <br />
        <span className="muted num">
          {list.requested_by} · {dateTime(list.requested_at)}
          {list.decided_by && ` · ${t('contacts.decidedBy', { name: list.decided_by })}`}
        </span>
      </span>
      <span className="list-acts">
        {list.state === 'ready' && mine && (
          <Button size="small" href={`${base}${path}/${list.id}/file`} download>
            {t('contacts.download')}
          </Button>
        )}
        {list.state === 'waiting' && mine && <span className="muted">{t('contacts.needsSecond')}</span>}
        {list.state === 'waiting' && !mine && (
          <>
            <Button size="small" type="primary" loading={decide.isPending} onClick={() => decide.mutate(true)}>
              {t('contacts.approve')}
            </Button>
            <Button size="small" onClick={() => decide.mutate(false)}>
              {t('contacts.refuse')}
            </Button>
          </>
        )}
      </span>
    </li>
  );
}

/** Import brings people from a file. */
function Import() {
  const { t } = useTranslation();
  const message = useMessage();
  return (
    <section className="lists-part">
      <h3>{t('contacts.import')}</h3>
      <CsvImport<ImportReport>
        path="/contact-imports"
        hint={t('contacts.importHint')}
        place={({ row, column }) => t('contacts.rowError', { row, column })}
        done={() => void message.success(t('contacts.imported'))}
        summary={(report) => (
          <>
            <p className="num">{t('contacts.report', { created: report.created, updated: report.updated, same: report.same, failed: report.failed })}</p>
            {report.ignored.length > 0 && <p className="muted">{t('contacts.ignored', { columns: report.ignored.join(', ') })}</p>}
          </>
        )}
      />
    </section>
  );
}

/** ListsDialog is where lists of people leave the house and come into it. */
export function ListsDialog({ me, filter, onClose }: { me: User; filter: ContactFilter; onClose: () => void }) {
  const { t } = useTranslation();
  const { data, error, isPending, refetch } = useQuery(lists);
  const [unmasked, setUnmasked] = useState(false);
  const ask = useAct(
    () => request<ListExport>('/contact-exports', { method: 'POST', body: { filter: { query: filter.q, tag: filter.tag, kind: filter.kind, vip: filter.vip, suggest: filter.suggested }, unmasked } }),
    { words: t('contacts.asked') },
  );
  return (
    <Modal open title={t('contacts.lists')} footer={null} onCancel={onClose} width={620}>
      <section className="lists-part">
        <h3>{t('contacts.export')}</h3>
        <p className="muted">{t('contacts.exportHint', { count: data?.approval ?? 500 })}</p>
        <div className="list-acts">
          {me.role === 'admin' && (
            <label className="switch-line">
              <Switch size="small" checked={unmasked} onChange={setUnmasked} /> {t('contacts.unmaskedWanted')}
            </label>
          )}
          <Button type="primary" loading={ask.isPending} onClick={() => ask.mutate(undefined)}>
            {t('contacts.ask')}
          </Button>
        </div>
        {error && <Failed error={error} retry={() => void refetch()} />}
        {isPending && <Waiting rows={3} />}
        {data && data.items.length > 0 && (
          <ul className="list-rows">
            {data.items.slice(0, 8).map((list) => (
              <ListRow key={list.id} list={list} me={me} />
            ))}
          </ul>
        )}
      </section>
      {me.role === 'admin' && <Import />}
    </Modal>
  );
}
