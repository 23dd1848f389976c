import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Button, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { components } from '../api/openapi';
import { useFormat } from '../i18n/format';
import { More } from '../parts/More';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { AuditChecked } from '../guard/AuditChecked';
import { ExportButton } from '../teams/Exports';
import { actName, fields, subjectName, type Words } from './audit';
import { SectionHead } from './SectionHead';

type AuditPage = components['schemas']['AuditPage'];
type AuditEntry = components['schemas']['AuditEntry'];
type ActList = components['schemas']['ActList'];

function Row({ row, words }: { row: AuditEntry; words: Words }) {
  const { t } = useTranslation();
  const { moment } = useFormat();
  const subject = subjectName(words, row.subject);
  const details = fields(words, row.detail);
  return (
    <tr>
      <td className="num">{moment(row.at)}</td>
      <td>
        {row.actor}
        {row.address && <span className="muted audit-address">{t('audit.address', { address: row.address })}</span>}
      </td>
      <td title={row.action}>{actName(words, row.action)}</td>
      <td title={row.subject}>
        {subject.kind} <span className="num audit-rest">{subject.rest}</span>
      </td>
      <td>
        {details.length > 0 && (
          <dl className="audit-fields">
            {details.map((field) => (
              <div key={field.key}>
                <dt>{field.name}</dt>
                <dd>
                  {field.folded ? (
                    <details>
                      <summary>{field.text}</summary>
                      <pre>{field.folded}</pre>
                    </details>
                  ) : (
                    field.text
                  )}
                </dd>
              </div>
            ))}
          </dl>
        )}
      </td>
    </tr>
  );
}

/** Audit is who did what, the newest first; `acts` narrows it. */
export function Audit() {
  const { t } = useTranslation();
  const words: Words = (key) => t(key, '');
  const [acts, setActs] = useState<string[]>([]);
  const known = useQuery({ queryKey: ['admin', 'audit', 'acts'], queryFn: ({ signal }) => request<ActList>('/audit/acts', { signal }).then((list) => list.items), staleTime: Infinity });
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ['admin', 'audit', 'rows', acts],
    queryFn: ({ pageParam, signal }) => request<AuditPage>('/audit', { signal, query: { cursor: pageParam, limit: 50, action: acts.join(',') } }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const rows = data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section>
      <SectionHead title={t('admin.sections.audit')} about={t('admin.about.audit')}>
        <span className="admin-acts">
          <AuditChecked />
          <ExportButton noun="audit" />
          <Button onClick={() => void refetch()}>{t('admin.reload')}</Button>
        </span>
      </SectionHead>
      <Select
        mode="multiple"
        allowClear
        className="audit-filter"
        maxTagCount="responsive"
        aria-label={t('audit.filter')}
        placeholder={t('audit.all')}
        value={acts}
        showSearch={{ optionFilterProp: 'label' }}
        options={(known.data ?? []).map((act) => ({ value: act, label: actName(words, act) })).sort((a, b) => a.label.localeCompare(b.label))}
        onChange={setActs}
      />
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!data && !error && <Waiting />}
      {data && rows.length === 0 && (
        <div className="card">
          <Empty icon="shield" title={t('admin.none.audit')} />
        </div>
      )}
      {rows.length > 0 && (
        <div className="card admin-scroll" role="region" aria-label={t('admin.sections.audit')} tabIndex={0}>
          <table className="admin-audit">
            <thead>
              <tr>
                <th>{t('admin.audit.at')}</th>
                <th>{t('admin.audit.actor')}</th>
                <th>{t('admin.audit.action')}</th>
                <th>{t('admin.audit.subject')}</th>
                <th>{t('admin.audit.detail')}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <Row key={row.id} row={row} words={words} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div className="admin-more">
        <More of={{ hasNextPage, isFetchingNextPage, fetchNextPage }} />
      </div>
    </section>
  );
}
