import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Upload } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { Problem, problemKey } from '../api/problem';
import { useMessage } from '../parts/messages';
import type { Outcome } from './kinds';
import { TextEditor, type Mistake } from './TextEditor';
import { SectionHead } from './SectionHead';

const place = /^line (\d+), column (\d+): (.*)$/s;

/** Import brings settings in line with a file, after it showed what that changes. */
export function Import() {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState<Mistake[]>([]);
  const [plan, setPlan] = useState<{ text: string; items: Outcome[] } | null>(null);
  const apply = useMutation({
    mutationFn: (dry: boolean) => request<{ items: Outcome[]; dry_run: boolean }>('/settings/apply', { method: 'POST', body: { text, dry_run: dry } }),
    onMutate: () => setWrong([]),
    onSuccess: async (done, dry) => {
      setPlan(dry ? { text, items: done.items } : null);
      if (dry) return;
      await client.invalidateQueries({ queryKey: ['admin'] });
      void message.success(t('admin.applied'));
    },
    onError: (error) => {
      setPlan(null);
      const detail = error instanceof Problem && error.status === 422 ? error.detail : t(problemKey(error));
      const found = place.exec(detail);
      setWrong([{ line: Number(found?.[1] ?? 0), column: Number(found?.[2] ?? 0), message: found?.[3] ?? detail }]);
    },
  });
  const current = plan?.text === text ? plan : null;
  return (
    <section>
      <SectionHead title={t('admin.sections.import')} about={t('admin.about.import')}>
        <span className="admin-acts">
          <Upload
            accept=".yaml,.yml"
            showUploadList={false}
            beforeUpload={(file) => {
              void file.text().then(setText);
              return false;
            }}
          >
            <Button>{t('admin.openFile')}</Button>
          </Upload>
          <Button disabled={!text.trim()} loading={apply.isPending && apply.variables} onClick={() => apply.mutate(true)}>
            {t('admin.dryRun')}
          </Button>
          <Button type="primary" disabled={!current} loading={apply.isPending && !apply.variables} onClick={() => apply.mutate(false)}>
            {t('admin.apply')}
          </Button>
        </span>
      </SectionHead>
      <div className="admin-code">
        <TextEditor value={text} onChange={setText} mistakes={wrong} readOnly={false} goTo={null} label={t('admin.sections.import')} />
      </div>
      {wrong.map((m) => (
        <p key={m.message} role="alert" className="flow-unknown">
          {m.line > 0 && <span className="num">{t('admin.place', { line: m.line, column: m.column })} </span>}
          {m.message}
        </p>
      ))}
      {current && (
        <ul className="card admin-list admin-plan" role="status">
          {current.items.map((item) => (
            <li key={item.kind + item.name} className="admin-row">
              <span className="admin-name">
                <strong>{item.name}</strong>
              </span>
              <span className="admin-cells">
                <span className="admin-main">
                  {t(`admin.kind.${item.kind}`)} · {t(`admin.outcome.${item.did}`)}
                </span>
                <span className="muted">{item.fields?.join(', ')}</span>
                <span className="muted">{item.restart && item.did !== 'same' && t('admin.restartShort')}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
