import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { session } from '../api/queries';
import { Mark } from '../parts/Icon';
import { Enrol } from './Factor';
import { Leave } from './Leave';
import { Once } from './Once';

/** MustEnrol stands before the pages of whoever needs a second factor and has none. */
export default function MustEnrol({ outside }: { outside: boolean }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [codes, setCodes] = useState<string[] | null>(null);
  return (
    <main className="guard-gate">
      <div className="card guard-gate-card">
        <Mark size={36} />
        <h1>{t('guard.mustEnrol')}</h1>
        <p className="muted">{t('guard.mustEnrolHint')}</p>
        <Enrol outside={outside} onDone={setCodes} />
        <Leave />
      </div>
      {codes && <Once title={t('guard.codes')} words={t('guard.codesOnce')} text={codes.join('\n')} onClose={() => void client.invalidateQueries({ queryKey: session.queryKey })} />}
    </main>
  );
}
