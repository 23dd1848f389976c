import { useTranslation } from 'react-i18next';
import type { BotPacket } from '../api/bot';
import { useQueueName } from '../api/queues';
import { useFormat } from '../i18n/format';

/** PacketView is what the person gets who takes over. */
export function PacketView({ packet }: { packet: BotPacket }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const queueName = useQueueName();
  return (
    <>
      <h3>{t('bot.packet')}</h3>
      <dl>
        <dt>{t('bot.reasonOf')}</dt>
        <dd>
          {t(`bot.reason.${packet.reason}`)} {packet.detail && <span className="tag">{packet.detail}</span>} {packet.urgent && <span className="tag">{t('bot.urgent')}</span>}
        </dd>
        <dt>{t('bot.queue')}</dt>
        <dd>{queueName(packet.queue)}</dd>
        {packet.title && (
          <>
            <dt>{t('bot.intent')}</dt>
            <dd>{packet.title}</dd>
          </>
        )}
        <dt>{t('bot.summary')}</dt>
        <dd>
          {packet.summary.map((s, i) => (
            <span key={i} className="bot-line">
              {s}
            </span>
          ))}
        </dd>
        {packet.articles.length > 0 && (
          <>
            <dt>{t('bot.articles')}</dt>
            <dd>{packet.articles.map((a) => a.title + (a.reaction ? ` (${t(`bot.reaction.${a.reaction}`)})` : '')).join(', ')}</dd>
          </>
        )}
        <dt>{t('bot.trend')}</dt>
        <dd className="num">{packet.emotion_trend.map((e) => number(e, 2)).join(' → ')}</dd>
      </dl>
    </>
  );
}
