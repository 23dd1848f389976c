import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { base, request } from '../api/client';
import type { components } from '../api/openapi';
import { problemKey } from '../api/problem';
import { useFormat } from '../i18n/format';
import { TypeName } from '../parts/TicketMarks';
import { useMessage } from '../parts/messages';
import { CopyLink } from './CasePage';
import './feedback.css';

type Schemas = components['schemas'];

const hintsOf = (id: number) => queryOptions({ queryKey: ['tickets', 'one', String(id), 'hints'], queryFn: ({ signal }) => request<Schemas['TicketHints']>(`/tickets/${id}/hints`, { signal }) });
const filesOf = (id: number) => queryOptions({ queryKey: ['tickets', 'one', String(id), 'files'], queryFn: ({ signal }) => request<Schemas['TicketFiles']>(`/tickets/${id}/files`, { signal }).then((list) => list.items) });

/** TicketHelp is what the words make a ticket, which ones are probably the same, the customer's files and page. */
export function TicketHelp({ id, over }: { id: number; over: boolean }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const message = useMessage();
  const client = useQueryClient();
  const hints = useQuery(hintsOf(id)).data;
  const files = useQuery(filesOf(id)).data ?? [];
  const act = useMutation({
    mutationFn: ({ path, body }: { path: string; body: Record<string, unknown> }) => request(path, { method: 'POST', body }),
    onError: (error) => void message.error(t(problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: ['tickets'] }),
  });
  const offers = hints?.hints.filter((hint) => hint.suggest) ?? [];
  return (
    <>
      {!over && (offers.length > 0 || (hints?.twins.length ?? 0) > 0) && (
        <section className="ticket-hints" aria-label={t('feedback.hints')}>
          {offers.map((hint) => (
            <p key={hint.kind}>
              <span>
                {t(`feedback.hint.${hint.kind}`)} <strong>{hint.kind === 'type' ? <TypeName name={hint.value} /> : t(`ticket.priorities.${hint.value}`)}</strong>{' '}
                <span className="muted num ticket-hint-p">{t('unit.percent', { value: number(100 * hint.p) })}</span>
              </span>
              <Button size="small" loading={act.isPending} onClick={() => act.mutate({ path: `/tickets/${id}/hints`, body: { kind: hint.kind, value: hint.value } })}>
                {t('feedback.take')}
              </Button>
            </p>
          ))}
          {hints?.twins.map((twin) => (
            <p key={twin.id}>
              <span>
                {t('feedback.twin')}{' '}
                <Link to="/tickets/$ticketId" params={{ ticketId: String(twin.id) }}>
                  #{twin.id} {twin.subject}
                </Link>
              </span>
              <Button size="small" loading={act.isPending} onClick={() => act.mutate({ path: `/tickets/${twin.id}/merge`, body: { into: id } })}>
                {t('feedback.mergeHere')}
              </Button>
            </p>
          ))}
        </section>
      )}
      {files.length > 0 && (
        <ul className="ticket-links" aria-label={t('feedback.files')}>
          {files.map((file) => (
            <li key={file.id}>
              <a href={`${base}/tickets/${id}/files/${file.id}`} target="_blank" rel="noreferrer">
                {file.name}
              </a>
            </li>
          ))}
        </ul>
      )}
      <CopyLink of={`/tickets/${id}`} page="/t/" words={t('feedback.copyTicket')} />
    </>
  );
}
