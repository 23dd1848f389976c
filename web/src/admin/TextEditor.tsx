import { useEffect, useMemo, useRef, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';

export interface Mistake {
  line: number;
  column: number;
  message: string;
}

const indent = '  ';

/** typeIn puts text in place of the selection as if it were typed: the only way that keeps the browser's undo. */
function typeIn(text: string) {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else keeps undo, and every browser has it
  document.execCommand(text ? 'insertText' : 'delete', false, text);
}

/** TextEditor is a text area with line numbers, marks at lines with mistakes, and indentation by Tab; Esc lets Tab leave. */
export function TextEditor({ value, onChange, mistakes, readOnly, goTo, label }: { value: string; onChange: (text: string) => void; mistakes: readonly Mistake[]; readOnly: boolean; goTo: { line: number; n: number } | null; label: string }) {
  const { t } = useTranslation();
  const area = useRef<HTMLTextAreaElement | null>(null);
  const gutter = useRef<HTMLDivElement | null>(null);
  const leaving = useRef(false);
  const lines = useMemo(() => value.split('\n').length, [value]);
  const bad = useMemo(() => new Map(mistakes.map((m) => [m.line, m.message])), [mistakes]);

  useEffect(() => {
    const at = area.current;
    if (!at || !goTo || goTo.line < 1) return;
    const before = at.value.split('\n').slice(0, goTo.line - 1);
    const start = before.reduce((sum, line) => sum + line.length + 1, 0);
    const end = at.value.indexOf('\n', start);
    at.focus();
    at.setSelectionRange(start, end < 0 ? at.value.length : end);
    at.scrollTop = Math.max(0, (goTo.line - 4) * parseFloat(getComputedStyle(at).lineHeight));
  }, [goTo]);

  const onKey = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const at = event.currentTarget;
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Escape') {
      leaving.current = true;
      return;
    }
    if (event.key === 'Tab' && !leaving.current && !readOnly) {
      event.preventDefault();
      const from = at.value.lastIndexOf('\n', at.selectionStart - 1) + 1;
      if (event.shiftKey) {
        if (at.value.startsWith(indent, from)) {
          at.setSelectionRange(from, from + indent.length);
          typeIn('');
        }
      } else typeIn(indent);
      return;
    }
    if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey && !readOnly) {
      const from = at.value.lastIndexOf('\n', at.selectionStart - 1) + 1;
      const lead = /^[ ]*(- )?/.exec(at.value.slice(from, at.selectionStart))?.[0] ?? '';
      if (lead) {
        event.preventDefault();
        typeIn(`\n${' '.repeat(lead.length)}`);
      }
    }
    leaving.current = false;
  };
  return (
    <div className="code">
      <div className="code-gutter num" ref={gutter} aria-hidden="true">
        {Array.from({ length: lines }, (_, i) => (
          <span key={i} className={bad.has(i + 1) ? 'code-bad' : undefined} title={bad.get(i + 1)}>
            {i + 1}
          </span>
        ))}
      </div>
      <textarea
        ref={area}
        className="code-text"
        aria-label={label}
        aria-invalid={mistakes.length > 0}
        aria-describedby="code-keys"
        value={value}
        readOnly={readOnly}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        wrap="off"
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={onKey}
        onScroll={(event) => {
          if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop;
        }}
      />
      <p id="code-keys" className="hidden">
        {t('admin.codeKeys')}
      </p>
    </div>
  );
}
