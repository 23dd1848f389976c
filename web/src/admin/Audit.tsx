import { useInfiniteQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { components } from '../api/openapi';
import { useFormat } from '../i18n/format';
import { More } from '../parts/More';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { AuditChecked } from '../guard/AuditChecked';
import { ExportButton } from '../teams/Exports';
import { SectionHead } from './SectionHead';

type AuditPage = components['schemas']['AuditPage'];

/** Audit is who did what, the newest first. */
export function Audit() {
  const { t } = useTranslation();
  const { moment } = useFormat();
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ['admin', 'audit'],
    queryFn: ({ pageParam, signal }) => request<AuditPage>('/audit', { signal, query: { cursor: pageParam, limit: 50 } }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
  });
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting />;
  const rows = data.pages.flatMap((page) => page.items);
  return (
    <section>
      <SectionHead title={t('admin.sections.audit')} about={t('admin.about.audit')}>
        <span className="admin-acts">
          <AuditChecked />
          <ExportButton noun="audit" />
          <Button onClick={() => void refetch()}>{t('admin.reload')}</Button>
        </span>
      </SectionHead>
      {rows.length === 0 ? (
        <div className="card">
          <Empty icon="shield" title={t('admin.none.audit')} />
        </div>
      ) : (
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
                <tr key={row.id}>
                  <td className="num">{moment(row.at)}</td>
                  <td>{row.actor}</td>
                  <td>
                    <code>{row.action}</code>
                  </td>
                  <td className="admin-subject">{row.subject}</td>
                  <td className="muted admin-subject">
                    {Object.entries(row.detail)
                      .map(([key, value]) => `${key}: ${Array.isArray(value) ? value.join(', ') : String(value)}`)
                      .join(' · ')}
                  </td>
                </tr>
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
