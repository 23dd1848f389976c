import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { session } from '../api/queries';
import { Icon } from '../parts/Icon';
import { leads } from '../shell/roles';
import { causes, openCases, type Cause, type Item } from './api';
import './feedback.css';

/** Score is a rating as a number with its scale, coloured when it is bad or good. */
export function Score({ item }: { item: Pick<Item, 'kind' | 'score'> }) {
  const { t } = useTranslation();
  if (item.score === undefined) return <span className={`tag ${item.kind === 'complaint' ? 'tag-poor' : ''}`}>{t(`feedback.kinds.${item.kind}`)}</span>;
  const most = item.kind === 'nps' ? 10 : 5;
  const share = item.score / most;
  const level = share <= 0.4 ? 'poor' : share >= 0.8 ? 'good' : 'fair';
  return (
    <span className={`tag tag-${level} num`} title={t(`feedback.kinds.${item.kind}`)}>
      {item.score}/{most}
    </span>
  );
}

/** wordless is a case that nobody said anything of: the server writes a dash for it. */
export const wordless = (title: string) => title === '' || title === '–';

/** useCauseName names causes in the language of the page. */
export function useCauseName(): (code: string | undefined) => string {
  const { t, i18n } = useTranslation();
  const all = useQuery(causes).data ?? [];
  return (code) => {
    if (!code) return t('feedback.noCause');
    const cause = all.find((one) => one.code === code);
    return cause ? label(cause, i18n.language) : code;
  };
}

export const label = (cause: Pick<Cause, 'label_zh' | 'label_en'>, language: string) => (language === 'zh-CN' ? cause.label_zh : cause.label_en);

/** CaseMark tells beside a conversation or a ticket that a case is open, and leads there. Nothing when none is. */
export function CaseMark({ reason, ticket }: { reason?: string; ticket?: number }) {
  const { t } = useTranslation();
  const me = useSuspenseQuery(session).data?.user;
  const open = useQuery(openCases({ reason, ticket })).data ?? [];
  return (
    <>
      {open.map((one) => {
        const words = (
          <>
            <Icon name="heart" size={13} /> {t('feedback.mark', { ref: `C-${one.id}`, state: t(`feedback.states.${one.state}`) })}
          </>
        );
        // Who leads nobody may open own cases only.
        return leads(me?.role) || String(one.owner) === me?.id ? (
          <Link key={one.id} className="tag tag-poor case-mark" to="/cases/$caseId" params={{ caseId: String(one.id) }}>
            {words}
          </Link>
        ) : (
          <span key={one.id} className="tag tag-poor case-mark">
            {words}
          </span>
        );
      })}
    </>
  );
}
