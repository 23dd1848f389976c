import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { snippets, type Filled, type Snippet, type Subject } from './data';
import './assist.css';

interface Props {
  /** What is typed behind the /, see slashQuery. */
  query: string;
  /** For whom variables are filled in. */
  subject?: Subject;
  onPick: (text: string, missing: string[]) => void;
  onClose: () => void;
  /** Tells the composer the id of the option that is chosen, for its aria-activedescendant. */
  onActive: (option?: string) => void;
}

/**
 * SnippetPicker stands over a composer while something like "/ret" is typed into it. The focus stays in the
 * composer: arrows choose, Enter or Tab takes, Escape closes; nothing of that while an input method composes.
 */
export function SnippetPicker({ query, subject, onPick, onClose, onActive }: Props) {
  const { t } = useTranslation();
  const { data } = useQuery(snippets(query, undefined));
  const list = (data ?? []).slice(0, 8);
  const [chosen, setChosen] = useState({ query, at: 0 });
  const at = chosen.query === query ? Math.min(chosen.at, Math.max(0, list.length - 1)) : 0;
  const active = list.length > 0 ? `snippet-${at}` : undefined;
  useEffect(() => {
    onActive(active);
    return () => onActive(undefined);
  }, [active, onActive]);
  const take = useMutation({
    mutationFn: (one: Snippet) => request<Filled>(`/snippets/${one.id}/use`, { method: 'POST', body: subject ? { kind: subject.kind, id: subject.id } : {} }),
    onSuccess: (filled) => onPick(filled.text, filled.missing),
  });
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const one = list[at];
    if (event.code === 'Escape') onClose();
    else if (event.code === 'ArrowDown' && list.length > 0) setChosen({ query, at: (at + 1) % list.length });
    else if (event.code === 'ArrowUp' && list.length > 0) setChosen({ query, at: (at - 1 + list.length) % list.length });
    else if ((event.code === 'Enter' || event.code === 'Tab') && !event.shiftKey && one) take.mutate(one);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  useEffect(() => {
    const handle = (event: KeyboardEvent) => onKey(event);
    window.addEventListener('keydown', handle, true);
    return () => window.removeEventListener('keydown', handle, true);
  }, []);
  return (
    <div className="snippet-picker" id="snippet-picker" role={list.length > 0 ? 'listbox' : 'status'} aria-label={t('assist.snippets')}>
      {list.length === 0 && <p className="muted snippet-none">{t(data ? 'assist.snippetsNone' : 'app.loading')}</p>}
      {list.map((one, i) => (
        <button key={one.id} id={`snippet-${i}`} type="button" tabIndex={-1} role="option" aria-selected={i === at} className="snippet-option" onMouseDown={(event) => event.preventDefault()} onMouseEnter={() => setChosen({ query, at: i })} onClick={() => take.mutate(one)}>
          <span className="snippet-head">
            <code>/{one.shortcut}</code> <strong>{one.title}</strong> {one.owner !== undefined && <span className="tag">{t('assist.own')}</span>}
          </span>
          <span className="snippet-text muted">{one.text}</span>
        </button>
      ))}
    </div>
  );
}
