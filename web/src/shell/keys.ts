import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { actionsNow, byKey } from './actions';
import { entries, type Path } from './nav';

/** typing says that a key belongs to a field, a menu or an input method, or is a chord of the browser. */
export function typing(event: KeyboardEvent): boolean {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return true;
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || !!target.closest('input, textarea, select, [role="menu"], [role="dialog"], [role="combobox"], [role="listbox"]');
}

const jumps = new Map<string, Path>(entries.flatMap((entry) => ('jump' in entry ? [[entry.jump, entry.path] as const] : [])));

/** useGlobalKeys: g then a letter goes somewhere, / searches, ? helps, Ctrl or ⌘ with K opens the palette, other keys are those of the actions. By key place, but for ? which is a character. */
export function useGlobalKeys(onHelp: () => void, onPalette: () => void): void {
  const navigate = useNavigate();
  const pending = useRef(0);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (document.querySelector('.guard-lock')) return;
      if (event.code === 'KeyK' && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && !event.isComposing) {
        event.preventDefault();
        onPalette();
        return;
      }
      if (typing(event)) return;
      if (event.key === '?') {
        onHelp();
        return;
      }
      if (event.code === 'KeyG' && !event.shiftKey) {
        pending.current = event.timeStamp;
        return;
      }
      const place = jumps.get(event.code);
      const jumping = pending.current > 0 && event.timeStamp - pending.current < 1500;
      pending.current = 0;
      if (place && jumping) {
        event.preventDefault();
        void navigate({ to: place });
        return;
      }
      const action = event.repeat ? undefined : byKey(actionsNow(), event.code, event.shiftKey);
      if (!action) return;
      event.preventDefault();
      action.run();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [navigate, onHelp, onPalette]);
}
