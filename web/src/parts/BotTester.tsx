import { useMutation } from '@tanstack/react-query';
import { Button, Input, InputNumber, Slider, Tooltip } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { BotReply, BotWhy } from '../api/bot';
import { request } from '../api/client';
import { problemKey } from '../api/problem';
import { useFormat } from '../i18n/format';
import { PacketView } from './BotPacket';
import { Icon } from './Icon';
import { Empty } from './Notice';
import { useMessage } from './messages';

interface Exchange {
  said: string;
  reply: BotReply;
}

interface Said {
  text?: string;
  choice?: string;
  label: string;
}

const newSubject = () => `test-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;

/** BotTester is a conversation with the bot beside the reasons of the chosen turn. */
export function BotTester() {
  const { t } = useTranslation();
  const message = useMessage();
  const [subject, setSubject] = useState(newSubject);
  const [log, setLog] = useState<Exchange[]>([]);
  const [text, setText] = useState('');
  const [contact, setContact] = useState<number | null>(null);
  const [emotion, setEmotion] = useState<number | null>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  const end = useRef<HTMLDivElement>(null);
  const say = useMutation({
    mutationFn: (said: Said) => request<BotReply>('/bot/turns', { method: 'POST', body: { subject, contact: contact ?? undefined, text: said.text, choice: said.choice, emotion: emotion === null ? undefined : emotion / 100 } }),
    onSuccess: (reply, said) => {
      setLog((old) => [...old, { said: said.label, reply }]);
      setChosen(null);
      setText('');
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  useEffect(() => {
    // In braces: newer browsers give a promise, which would be taken for the effect's end.
    end.current?.scrollIntoView({ block: 'nearest' });
  }, [log.length]);
  const submit = () => {
    if (text.trim() && !say.isPending) say.mutate({ text, label: text });
  };
  const shown = log[chosen ?? log.length - 1];
  return (
    <div className="bot-columns">
      <section className="card bot-talk" aria-label={t('bot.tab.test')}>
        <div className="card-head">
          <h2>{t('bot.talk')}</h2>
          <Button
            size="small"
            onClick={() => {
              setSubject(newSubject());
              setLog([]);
              setChosen(null);
            }}
          >
            {t('bot.again')}
          </Button>
        </div>
        <div className="bot-with">
          <label>
            {t('bot.contact')}
            <InputNumber size="small" min={1} precision={0} value={contact} onChange={setContact} placeholder={t('bot.nobody')} style={{ width: 110 }} />
          </label>
          <Tooltip title={t('bot.emotionHint')}>
            <label className="bot-emotion">
              {t('bot.emotion')}
              <Slider min={0} max={100} value={emotion ?? 0} onChange={(value) => setEmotion(value)} ariaLabelForHandle={t('bot.emotion')} />
              {emotion === null ? (
                <span className="muted">{t('bot.byWords')}</span>
              ) : (
                <Button size="small" type="link" aria-label={`${t('bot.byWords')}: ${emotion}%`} onClick={() => setEmotion(null)}>
                  {emotion}% <Icon name="close" size={13} />
                </Button>
              )}
            </label>
          </Tooltip>
        </div>
        <div className="bot-log" aria-live="polite">
          {log.length === 0 && <Empty icon="bot" title={t('bot.empty')} hint={t('bot.emptyHint')} />}
          {log.map((x, i) => (
            <div key={`${x.reply.session}${i}`} className={shown === x ? 'bot-exchange bot-chosen' : 'bot-exchange'}>
              <p className="bot-said">{x.said}</p>
              <Answer reply={x.reply} last={i === log.length - 1} press={(choice, label) => say.mutate({ choice, label })} />
              <button type="button" className="bot-why" aria-pressed={shown === x} onClick={() => setChosen(i)}>
                {t(`bot.decision.${x.reply.decision}`)}
                {x.reply.intent && ` · ${x.reply.intent}`} · {Math.round(x.reply.ms)} ms
              </button>
            </div>
          ))}
          <div ref={end} />
        </div>
        <form
          className="bot-composer"
          onSubmit={(event) => {
            event.preventDefault();
            submit();
          }}
        >
          <Input value={text} onChange={(event) => setText(event.target.value)} placeholder={t('bot.write')} aria-label={t('bot.write')} maxLength={5000} />
          <Button type="primary" htmlType="submit" loading={say.isPending}>
            {t('bot.send')}
          </Button>
        </form>
      </section>
      <section className="card bot-reasons" aria-label={t('bot.why')}>
        <div className="card-head">
          <h2>{t('bot.why')}</h2>
          {shown && <span className="tag">{t('bot.turn', { n: shown.reply.turn })}</span>}
        </div>
        {shown?.reply.explanation ? <Reasons why={shown.reply.explanation} reply={shown.reply} /> : <p className="table-none">{t('bot.noWhy')}</p>}
      </section>
    </div>
  );
}

/** Answer is the bot's side: texts, source and buttons. */
function Answer({ reply, last, press }: { reply: BotReply; last: boolean; press: (choice: string, label: string) => void }) {
  const { t } = useTranslation();
  if (reply.parts.length === 0) return <p className="muted">{t('bot.silent')}</p>;
  return (
    <div className="bot-answer">
      {reply.parts.map((part, i) => {
        if (part.kind === 'text') return <p key={i}>{part.text}</p>;
        if (part.kind === 'source') return <p key={i} className="bot-source">{t('bot.source', { title: part.title })}</p>;
        return (
          <div key={i} className="bot-buttons">
            {part.buttons?.map((b) => (
              <Button key={b.value} size="small" disabled={!last} onClick={() => press(b.value, b.label)}>
                {b.label}
              </Button>
            ))}
          </div>
        );
      })}
    </div>
  );
}

/** stepWords says a step in the reader's language; what stands behind the colon is a name. */
function stepWords(t: (key: string, fallback: string) => string, step: string): string {
  const [what = '', ...names] = step.split(': ');
  const words = t(`bot.did.${what}`, what);
  return names.length > 0 && what !== 'short' ? `${words}: ${names.join(': ')}` : words;
}

function Bars({ list }: { list: { id: string; title?: string; p: number }[] }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  return (
    <ul className="bot-bars">
      {list.slice(0, 5).map((c) => (
        <li key={c.id}>
          <span className="bot-bar-name">{c.id.startsWith('article:') ? t('bot.articleClass', { category: c.id.slice('article:'.length) }) : (c.title ?? c.id)}</span>
          <span className="bot-bar">
            <span style={{ width: `${Math.round(100 * Math.min(1, Math.max(0, c.p)))}%` }} />
          </span>
          <span className="num">{number(c.p, 2)}</span>
        </li>
      ))}
    </ul>
  );
}

function Reasons({ why, reply }: { why: BotWhy; reply: BotReply }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  return (
    <div className="bot-facts">
      <h3>{t('bot.steps')}</h3>
      <ol className="bot-steps">
        {why.steps.map((step, i) => (
          <li key={i}>{stepWords(t, step)}</li>
        ))}
      </ol>
      <dl>
        <dt>{t('bot.seen')}</dt>
        <dd>
          <code>{why.text || '–'}</code> <span className="tag">{why.lang}</span>
          {why.mixed && <span className="tag">{t('bot.mixed')}</span>}
        </dd>
        <dt>{t('bot.feeling')}</dt>
        <dd className="num">{number(why.emotion, 2)}</dd>
        {why.rule && (
          <>
            <dt>{t('bot.rule')}</dt>
            <dd>{why.rule}</dd>
          </>
        )}
        {why.values.length > 0 && (
          <>
            <dt>{t('bot.values')}</dt>
            <dd>{why.values.map((v) => `${t(`bot.slot.${v.name}`, v.name)} ${v.value} (${number(v.p, 2)})`).join(', ')}</dd>
          </>
        )}
      </dl>
      {why.intents.length > 0 && (
        <>
          <h3>
            {t('bot.intents')} {why.exact && <span className="tag">{t('bot.exact')}</span>} {why.foreign && <span className="tag">{t('bot.foreign')}</span>}
          </h3>
          <Bars list={why.intents} />
        </>
      )}
      {why.articles.length > 0 && (
        <>
          <h3>{t('bot.articles')}</h3>
          <Bars list={why.articles} />
          <p className="muted num">
            p₁ {number(why.p1, 2)} · p₂ {number(why.p2, 2)} · p₁₋₃ {number(why.p_any, 2)} · τa {number(why.tau_a, 2)} · τc {number(why.tau_c, 2)} · Δ {number(why.margin, 2)}
          </p>
        </>
      )}
      {reply.slots.length > 0 && (
        <>
          <h3>{t('bot.held')}</h3>
          <ul className="bot-held">
            {reply.slots.map((s) => (
              <li key={s.id}>
                <strong>{t(`bot.slot.${s.name}`, s.name)}</strong> {s.value} <span className="tag">{t(`bot.scope.${s.scope}`)}</span> {s.confirmed && <span className="tag">{t('bot.confirmed')}</span>}
              </li>
            ))}
          </ul>
        </>
      )}
      {reply.handover && <PacketView packet={reply.handover} />}
      <h3>{t('bot.time')}</h3>
      <p className="muted num">{why.stages.map((s) => `${t(`bot.stage.${s.name}`, s.name)} ${number(s.ms, 1)} ms`).join(' · ')}</p>
    </div>
  );
}
