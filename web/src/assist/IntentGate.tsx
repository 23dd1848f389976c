import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { models, type BotModel } from '../api/bot';
import { request } from '../api/client';
import { useFormat } from '../i18n/format';
import { useSaid } from '../kb/ArticlePage';
import { useMessage } from '../parts/messages';

/** IntentGate shows what the bot's intents of a language are guessed by, and how each version did on labelled turns. */
export function IntentGate({ lang, admin }: { lang: string; admin: boolean }) {
  const { t } = useTranslation();
  const { number, day, moment } = useFormat();
  const message = useMessage();
  const said = useSaid();
  const client = useQueryClient();
  const { data } = useQuery(models);
  const activate = useMutation({
    mutationFn: (version: string) => request(`/bot/models/${lang}/activate`, { method: 'POST', body: { version } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['bot', 'models'] });
      void message.success(t('assist.gate.begun'));
    },
    onError: (error) => void message.error(said(error)),
  });
  const rows = data?.filter((one) => one.lang === lang && (one.active || one.earlier)).slice(0, 8) ?? [];
  if (rows.length === 0) return null;
  const pair = (one: BotModel, of: 'mrr10' | 'wrong_pct' | 'answered_pct', digits: number, unit: string) => {
    const { own, before } = one.gate;
    if (!own) return '–';
    return `${number(own[of], digits)}${unit}${before ? ` (${number(before[of], digits)}${unit})` : ''}`;
  };
  return (
    <div className="kb-scroll">
      <table className="kb-table kb-learnt num">
        <caption>{t('assist.gate.intents')}</caption>
        <thead>
          <tr>
            <th scope="col">{t('kb.when')}</th>
            <th scope="col">{t('assist.gate.phrases')}</th>
            <th scope="col">MRR@10</th>
            <th scope="col">{t('kb.wrong')}</th>
            <th scope="col">{t('kb.right')}</th>
            <th scope="col">{t('kb.taken')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((one) => (
            <tr key={one.version}>
              <td title={moment(one.trained_at)}>{day(one.trained_at)}</td>
              <td>{number(one.figures.phrases)}</td>
              <td>{pair(one, 'mrr10', 3, '')}</td>
              <td>{pair(one, 'wrong_pct', 1, '%')}</td>
              <td>{pair(one, 'answered_pct', 1, '%')}</td>
              <td>
                {one.active ? <span className="tag tag-good">{t('kb.inUse')}</span> : one.gate.reason ? <span className="tag tag-poor" title={one.gate.reason}>{t('kb.refused')}</span> : t('kb.replaced')}{' '}
                {admin && one.earlier && (
                  <Button size="small" loading={activate.isPending && activate.variables === one.version} onClick={() => activate.mutate(one.version)}>
                    {t('assist.health.activate')}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="muted">{t('assist.gate.note')}</p>
    </div>
  );
}
