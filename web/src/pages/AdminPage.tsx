import { Link, Navigate, Outlet, useParams } from '@tanstack/react-router';
import { useSuspenseQuery } from '@tanstack/react-query';
import type { ComponentType } from 'react';
import { useTranslation } from 'react-i18next';
import { session } from '../api/queries';
import { Audit } from '../admin/Audit';
import { Channels } from '../admin/Channels';
import { Flows } from '../admin/Flows';
import { Hours } from '../admin/Hours';
import { Import } from '../admin/Import';
import { Kiosks } from '../admin/Kiosks';
import { Media } from '../admin/Media';
import { Prompts } from '../admin/Prompts';
import { Numbers, Routes, Rules, Trunks } from '../admin/sheets';
import { Automation, Macros, Templates } from '../rules/sheets';
import { Webhooks } from '../rules/Webhooks';
import { Demands } from '../guard/Demands';
import { Teams } from '../teams/Teams';
import { Empty } from '../parts/Notice';
import { useHere } from '../parts/here';
import { Title } from '../parts/Title';
import '../admin/admin.css';

const sections = {
  numbers: Numbers,
  flows: Flows,
  prompts: Prompts,
  hours: Hours,
  trunks: Trunks,
  outbound: Routes,
  media: Media,
  'alert-rules': Rules,
  channels: Channels,
  rules: Automation,
  macros: Macros,
  'ticket-templates': Templates,
  webhooks: Webhooks,
  kiosks: Kiosks,
  import: Import,
  teams: Teams,
  logins: Demands,
  audit: Audit,
} satisfies Record<string, ComponentType>;

type Section = keyof typeof sections;

const names = Object.keys(sections) as Section[];

// Sections of other parts have their words there.
const elsewhere: Partial<Record<Section, string>> = { logins: 'guard.section', teams: 'teams.section' };
const wordsOf = (t: (key: string) => string, name: Section): string => t(elsewhere[name] ?? `admin.sections.${name}`);

/** AdminPage is what administrators set: a list of sections and the one that is open. */
export function AdminPage() {
  const { t } = useTranslation();
  const { data } = useSuspenseQuery(session);
  const row = useHere();
  const auditor = data?.user.role === 'auditor';
  if (data?.user.role !== 'admin' && !auditor) {
    return (
      <div className="page">
        <Empty icon="shield" title={t('problem.forbidden')} />
      </div>
    );
  }
  return (
    <div className="admin">
      <nav ref={row} className="admin-nav" aria-label={t('admin.title')}>
        <h1>{t('admin.title')}</h1>
        {(auditor ? (['audit'] as const) : names).map((name) => (
          <Link key={name} to="/admin/$section" params={{ section: name }} className="admin-link" activeProps={{ className: 'admin-link admin-here', 'aria-current': 'page' }}>
            {wordsOf(t, name)}
          </Link>
        ))}
      </nav>
      <div className="admin-body">
        <Outlet />
      </div>
    </div>
  );
}

/** AdminSection is the open section. */
export function AdminSection() {
  const { t } = useTranslation();
  const { section } = useParams({ from: '/shell/admin/$section' });
  const name = names.find((one) => one === section);
  if (!name) return <Navigate to="/admin/$section" params={{ section: 'numbers' }} replace />;
  const Open = sections[name];
  return (
    <>
      <Title>{`${wordsOf(t, name)} · ${t('admin.title')}`}</Title>
      <Open />
    </>
  );
}
