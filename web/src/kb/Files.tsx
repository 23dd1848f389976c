import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { size } from '../i18n/format';
import { useMessage } from '../parts/messages';
import { useSaid } from './ArticlePage';
import type { Article } from './queries';

/** Files are what is attached to an article, with the Markdown that shows or links it. */
export function Files({ of, edits }: { of: Article; edits: boolean }) {
  const { t } = useTranslation();
  const message = useMessage();
  const said = useSaid();
  const client = useQueryClient();
  const input = useRef<HTMLInputElement>(null);
  const options = { onSuccess: () => client.invalidateQueries({ queryKey: ['kb', 'article'] }), onError: (error: unknown) => void message.error(said(error)) };
  const add = useMutation({ mutationFn: (file: File) => request(`/kb/articles/${of.id}/files`, { method: 'POST', query: { name: file.name }, body: file }), ...options });
  const remove = useMutation({ mutationFn: (id: string) => request(`/kb/files/${id}`, { method: 'DELETE' }), ...options });
  return (
    <div className="kb-tool">
      {of.files.length === 0 && <p className="muted">{t('kb.noFiles')}</p>}
      <ul className="kb-files">
        {of.files.map((file) => (
          <li key={file.id}>
            <a href={`/help/files/${file.id}`} target="_blank" rel="noreferrer">
              {file.name}
            </a>{' '}
            <span className="muted num">{size(file.size)}</span>
            <code>{`${file.kind.startsWith('image/') ? '!' : ''}[${file.name.replace(/[[\]]/g, '')}](/help/files/${file.id})`}</code>
            {edits && (
              <Button size="small" loading={remove.isPending && remove.variables === file.id} onClick={() => remove.mutate(file.id)} aria-label={`${t('kb.remove')}: ${file.name}`}>
                {t('kb.remove')}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {edits && (
        <>
          <input
            ref={input}
            type="file"
            hidden
            accept="image/png,image/jpeg,image/gif,image/webp,application/pdf"
            onChange={(event) => {
              const file = event.target.files?.[0];
              if (file) add.mutate(file);
              event.target.value = '';
            }}
          />
          <Button loading={add.isPending} onClick={() => input.current?.click()}>
            {t('kb.addFile')}
          </Button>
        </>
      )}
      <p className="muted">{t('kb.fileHint')}</p>
    </div>
  );
}
