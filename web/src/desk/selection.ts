import { useEffect, useState, type RefObject } from 'react';

/** Selected is text that is marked in a box, and where something about it may stand, in the box. */
export interface Selected {
  text: string;
  top: number;
  left: number;
}

const most = 2000;

/** useSelected is the marked text of a box that scrolls; null when nothing is marked there. */
export function useSelected(box: RefObject<HTMLElement | null>): Selected | null {
  const [selected, setSelected] = useState<Selected | null>(null);
  useEffect(() => {
    const look = () => {
      const selection = window.getSelection();
      const element = box.current;
      const text = selection?.toString().trim() ?? '';
      if (!selection || !element || text === '' || selection.rangeCount === 0 || !element.contains(selection.anchorNode)) {
        setSelected(null);
        return;
      }
      const range = selection.getRangeAt(0).getBoundingClientRect();
      const frame = element.getBoundingClientRect();
      const left = Math.max(6, Math.min(range.left - frame.left, frame.width - 230));
      setSelected({ text: text.slice(0, most), top: Math.max(4, range.top - frame.top + element.scrollTop - 42), left });
    };
    document.addEventListener('selectionchange', look);
    return () => document.removeEventListener('selectionchange', look);
  }, [box]);
  return selected;
}
