import { useLocation } from '@tanstack/react-router';
import { useLayoutEffect, useRef } from 'react';

/** useHere keeps the link of the open page in sight, in a row of links that a narrow screen scrolls sideways. */
export function useHere() {
  const row = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  useLayoutEffect(() => {
    const here = row.current?.querySelector<HTMLElement>('[aria-current=page]');
    if (!row.current || !here || row.current.scrollWidth <= row.current.clientWidth) return;
    const [outer, inner] = [row.current.getBoundingClientRect(), here.getBoundingClientRect()];
    row.current.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
  }, [pathname]);
  return row;
}
